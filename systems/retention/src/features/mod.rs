//! What a model is told of a person: one definition for training and for serving.
