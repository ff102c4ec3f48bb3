DROP TABLE outcome;
DROP TABLE watch;
DROP TABLE model_reference;
