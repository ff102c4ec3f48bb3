DROP TABLE model_standing;
