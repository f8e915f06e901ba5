"""RecBole's SASRec, trained a few steps at a time when asked to; runs in an environment of its own.

`python recbole_peer.py FOLDER SETTINGS` reads interactions from FOLDER, prints one line of JSON, then
answers each number of steps on standard input with the seconds they took, on the wall and of the processor,
and their mean loss.
"""

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

NAME = "interactions"


def main(folder: Path, settings: dict[str, Any]) -> None:
    """Answer until standard input ends."""
    import numpy as np
    import torch

    # RecBole 1.2.1 asks for names that NumPy 2 no longer has.
    for name, ours in (("float_", np.float64), ("complex_", np.complex128), ("unicode_", np.str_)):
        setattr(np, name, getattr(np, name, None) or ours)
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.model.sequential_recommender import SASRec

    torch.set_num_threads(settings["n_threads"])
    config = Config(model="SASRec", dataset=NAME, config_dict=_config(folder, settings))
    logging.disable(logging.CRITICAL)
    batches, _, _ = data_preparation(config, create_dataset(config))
    model = SASRec(config, batches.dataset).to(config["device"])
    optimizer = torch.optim.Adam(model.parameters(), lr=settings["learning_rate"])
    model.train()
    _say({"n_steps": len(batches), "n_rows": len(batches.dataset)})
    rows = iter(batches)
    for line in sys.stdin:
        started, busy, losses = time.perf_counter(), time.process_time(), []
        for _ in range(int(line)):
            interaction = next(rows).to(config["device"])
            optimizer.zero_grad()
            loss = model.calculate_loss(interaction)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        mean = float(torch.stack(losses).mean())  # waits for the GPU
        seconds, processor = time.perf_counter() - started, time.process_time() - busy
        _say({"seconds": seconds, "processor_seconds": processor, "loss": mean})


def _config(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "data_path": str(folder),
        "checkpoint_dir": str(folder),
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "use_gpu": settings["device"] != "cpu",
        "state": "ERROR",
        "show_progress": False,
        "reproducibility": False,
        "seed": settings["seed"],
        "train_neg_sample_args": None,
        "loss_type": "CE",
        "eval_args": {"split": {"LS": "valid_and_test"}, "group_by": "user", "order": "TO", "mode": "full"},
        "train_batch_size": settings["batch_size"],
        "MAX_ITEM_LIST_LENGTH": settings["max_length"],
        "hidden_size": settings["dim"],
        "inner_size": 4 * settings["dim"],
        "n_layers": settings["n_layers"],
        "n_heads": settings["n_heads"],
        "hidden_dropout_prob": settings["dropout"],
        "attn_dropout_prob": 0.0,
    }


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
