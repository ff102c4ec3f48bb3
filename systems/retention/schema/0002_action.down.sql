DROP TABLE escalation_rule;
DROP TABLE workflow_step;
DROP TABLE workflow_template;
DROP TABLE alert;
DROP TABLE communication;
DROP TABLE follow_up;
DROP TABLE intervention;
