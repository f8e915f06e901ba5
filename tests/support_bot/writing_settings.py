"""Settings of a worker that writes replies: what a test puts into its environment, and a real layer."""

import json
import os

from ecomai_project.settings import environment
from ecomai_project.settings.test import *  # noqa: F403
from ecomai_project.settings.test import ECOMAI, TEST_REDIS

ECOMAI = ECOMAI | json.loads(os.environ["ECOMAI_TEST_SECTIONS"])
CHANNEL_LAYERS = environment.channel_layers(TEST_REDIS.url)
