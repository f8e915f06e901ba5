"""What picture encoders are trained on."""

from torch import Tensor, nn

from .tasks import contrastive_loss
from .towers import PictureTower, WordTower


class PictureTask(nn.Module):
    """Find a picture by its text, and by another view of itself, among those of the whole batch.

    The first is how the published models learned, and says what a thing is; the second is what a search by
    picture asks for, and tells apart what is described alike.

    Parameters
    ----------
    pictures : PictureTower
    words : WordTower
        Of the same backbone.
    temperature : float
        What cosines are divided by.

    References
    ----------
    Mu et al., "SLIP: self-supervision meets language-image pre-training", 2022.
    """

    def __init__(self, pictures: PictureTower, words: WordTower, temperature: float) -> None:
        super().__init__()
        self.pictures = pictures
        self.words = [words]  # hidden from torch: its weights are those of `pictures`, and counted there
        self.temperature = temperature

    def forward(
        self, pixel_values: Tensor, input_ids: Tensor, has_text: Tensor, is_allowed: Tensor
    ) -> dict[str, Tensor]:
        """Pixels are B views, then B others, (2B, 3, H, W); `is_allowed` (B, B) may count as wrong."""
        n_pairs = len(input_ids)
        views = self.pictures(pixel_values)  # (2B, D)
        first, second = views[:n_pairs], views[n_pairs:]
        loss = contrastive_loss(first, second, self.temperature, is_allowed)
        if has_text.any():
            texts = self.words[0](input_ids[has_text])  # (N, D)
            allowed = is_allowed[has_text][:, has_text]
            loss = loss + contrastive_loss(first[has_text], texts, self.temperature, allowed)
        return {"loss": loss}
