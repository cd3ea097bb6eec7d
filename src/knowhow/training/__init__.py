"""Fine-tuning: training data, LoRA adapters, tuned retrievers."""
