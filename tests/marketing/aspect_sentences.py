"""Sentences that people labelled by their aspect, none of which holds a word of its aspect's list."""

ENGLISH = {
    "fit": ("I swim in it.", "It would not go over my shoulders.", "Mine is two numbers under what it says.",
            "I had to send for one number up.", "It pinches under the arms."),
    "quality": ("After the second wash there was a hole in it.", "It snapped in two on the first day.",
                "The handle came off in my hand.", "Built like a tank.",
                "It has served us for ten years now."),
    "delivery": ("I got it the very next day.", "It took a month until it was here.",
                 "The postman left it in the rain.", "A whole fortnight passed before I had it in my hands.",
                 "The box was squashed when it got here."),
    "price": ("I paid too much.", "You could get two elsewhere for that.", "It is a rip-off.",
              "For so little you cannot go wrong.", "I would not spend that much again."),
    "service": ("Nobody answers my mails.", "A nice lady on the phone sorted it out.",
                "They never got back to me.", "I was hung up on twice.",
                "They took care of my problem at once."),
    "colour": ("It is much darker than I thought.", "My friends all ask me where I got this lovely thing.",
               "It goes well with my living room.", "More of a brown than a red.", "A feast for the eyes."),
}  # fmt: skip
#: Of none of these aspects.
OTHERS = (
    "I bought it for my sister.", "My second one already.", "We will be back.", "Thanks a lot.",
    "It is my birthday on Monday.", "I read about it in a magazine.", "Never again.", "I love it.",
    "My dog was happy too.", "See you soon.",
)  # fmt: skip
