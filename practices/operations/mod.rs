//! From a commit to a running service.

mod process;
mod release;
mod settings;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("dockerfile-multistage"),
    page!("image-minimal"),
    page!("container-nonroot"),
    page!("compose-stack"),
    page!("container-prod-config"),
    page!("persistent-volumes"),
    page!("build-automation"),
    page!("ci-pipeline"),
    page!("ci-tests"),
    page!("ci-image-publish"),
    page!("cd-staged"),
    page!("branch-protection"),
    page!("deploy-automation"),
    page!("k8s-manifests"),
    page!("k8s-config-secrets"),
    page!("helm-chart"),
    page!("iac"),
    page!("managed-services"),
    page!("dns-domain"),
    page!("config-env").proven_by(probe!(Copies; settings::explained)),
    page!("config-per-env"),
    page!("env-parity"),
    page!("twelve-factor").proven_by(probe!(Copies; process::replaced)),
    page!("feature-flags"),
    page!("feature-flag-rollout"),
    page!("feature-flag-targeting"),
    page!("blue-green").proven_by(probe!(Copies; release::switched)),
    page!("canary").proven_by(probe!(Copies; release::measured)),
    page!("rollback-automated").proven_by(probe!(Copies; release::restored)),
    page!("rollback-procedure"),
    page!("smoke-tests"),
];
