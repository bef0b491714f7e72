"""Work that runs elsewhere than in its call."""
