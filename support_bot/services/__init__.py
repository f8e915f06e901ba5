"""What users ask of the support bot: say something, reply, hand over, look after what is kept."""
