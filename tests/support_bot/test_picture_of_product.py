"""A photograph of a product, matched to the catalogue by an encoder that learned from the shop's pictures."""

import pytest

from recommendations.services.picture_vectors import encode_pictures
from support_bot.services import attachments
from tests.recommendations.test_pictures import (  # noqa: F401
    PRODUCTS,
    encoder_files,
    gallery,
    image_encoder,
    media,
    photograph,
)

from .test_attachments import read, reply_to, send

pytestmark = pytest.mark.django_db


def test_a_photograph_brings_the_card_of_its_product(visitor, gallery, image_encoder):  # noqa: F811
    encode_pictures(item_keys=[item.pk for item in gallery])
    product = PRODUCTS[5]
    row = read(attachments.take_picture(visitor, content=photograph(product.external_id)))
    assert row.found[0]["score"] >= attachments.LEAST_LIKENESS
    (reply,) = reply_to(send(visitor, row))
    assert reply.answered_by == "picture"
    first = reply.content["cards"][0]
    assert (first["item_id"], first["title"]) == (product.external_id, product.title)
    assert first["reason"] == "looks like your picture"
