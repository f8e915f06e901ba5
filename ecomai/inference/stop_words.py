"""Words that say nothing of a thing, by Snowball's name of the language; beside others they do not count.

Only what stands between the words that count, and how one asks for a thing: a word too few costs little, a
word too many hides things. Languages that are not here have none.
"""

from .text import normalise

_LISTS = {
    "english": (
        "a an and any are as at be by for from i in is it me my of on or some something that the this thing "
        "things to us we which with without you your"
    ),
    "german": (
        "an auch auf aus bei das dem den der des die ein eine einem einen einer eines etwas für gegen ich "
        "im in ist man mein meine mich mir mit nach oder ohne sich sind so um und uns unser von was wir wo "
        "womit worin zu zum zur über"
    ),
    "french": (
        "à au aux avec ce ces cette chose choses contre dans de des du elle en est et il je la le les leur "
        "ma me mes mon nous ou où par pour qui que quelque quoi sa sans se ses son sont sur un une vos "
        "votre vous"
    ),
    "spanish": (
        "a al algo algún alguna algunas algunos con contra cosa cosas cual de del e el ella en es esta este "
        "esto la las lo los me mi mis nos o para por que se sin son su sus u un una unas unos y yo"
    ),
    "italian": (
        "a ad agli ai al alla alle allo anche che chi con cosa cose da dai dal dalla degli dei del della "
        "delle dello di e ed è gli i il in io la le lo mi mia mio nei nel nella o per qualche qualcosa "
        "questa questo senza si sono su sul sulla un una uno"
    ),
    "portuguese": (
        "a à algo algum alguma ao aos as às com coisa coisas contra da das de do dos e é em eu este esta "
        "isto me meu minha na nas no nos o os ou para pela pelo por que se sem seu sua são um uma umas uns"
    ),
    "dutch": (
        "aan als bij dat de deze die dit een en er het iets ik in is je met mij mijn naar of om onze ook op "
        "over te tegen tot uit van voor waarin waarmee wat we wij zonder zijn"
    ),
}
STOP_WORDS = {
    language: frozenset(normalise(word) for word in words.split()) for language, words in _LISTS.items()
}
