"""Which of two things a case is: fraud or not, spam or not."""
