//! How good a model is, and whether the world has moved: figures over scores and outcomes.
