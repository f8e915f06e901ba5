"""A tiny language model that has learned by heart what it says, trained here within seconds."""

from collections.abc import Sequence
from pathlib import Path

N_POSITIONS = 768


def make_writer(folder: Path, *, prompts: Sequence[str], answers: Sequence[str], n_steps: int = 220) -> float:
    """Train a causal model from nothing to answer prompts, save it, and return its last loss."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        [*prompts, *answers],
        trainers.BpeTrainer(vocab_size=900, special_tokens=["<end>"], initial_alphabet=alphabet),
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<end>", eos_token="<end>")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer), n_positions=N_POSITIONS, n_embd=48, n_layer=2, n_head=2,
            bos_token_id=0, eos_token_id=0, pad_token_id=0, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        )
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    rows = []
    for prompt, answer in zip(prompts, answers, strict=True):
        asked = tokenizer(prompt)["input_ids"]
        said = [*tokenizer(answer)["input_ids"], tokenizer.eos_token_id]
        labels = [-100] * len(asked) + said
        rows.append((torch.tensor([[*asked, *said]]), torch.tensor([labels])))
    loss = torch.tensor(0.0)
    for step in range(n_steps):
        ids, labels = rows[step % len(rows)]
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss.item() < 0.01 and step > 2 * len(rows):
            break
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return loss.item()
