"""Fine-tuning: train through the integers that a network is compiled to (docs/finetuning.md)."""
