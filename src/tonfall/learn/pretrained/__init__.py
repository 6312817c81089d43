"""wav2vec 2.0, HuBERT and WavLM from checkpoints: what is learnt of them, and how they run."""
