"""What the fuzzer has to know about this service: one branch not to saw off, and rules that no schema can say."""

import os

import schemathesis
from hypothesis import strategies

# A cursor is made by the server; what looks like one and is not is refused, and tested elsewhere.
schemathesis.openapi.format("cursor", strategies.just(""))

# Why a request that fits its schema may be refused, besides authentication, absence and limits:
# the code of the problem, and where its faults point to. `None` is a refusal as a whole.
BEYOND_SCHEMAS = {
    "PLM-REQ-001": {None},  # text with NUL, a cursor of another list, an id that is only alike
    "PLM-REQ-002": {
        "/artist_id",  # must exist
        "?cursor",
        "/expires_at",  # must lie in the future, and not stand beside `expires_in_days`
        "/current",  # must be the password until now
        "/tenant",  # must be named by who belongs to several; said only after the right password
        "/email",  # is brought into its one form first, which may be none
    },
    "PLM-REQ-010": {None},  # If-Match names another version
    "PLM-AUTH-008": {"/password", "/new"},  # easy to guess
    "PLM-AUTH-010": {None},  # the setup is closed
}


@schemathesis.hook
def before_call(context, case, kwargs):
    _whole(case.path_parameters)
    _whole(case.query)
    # Links lead from the lists of keys, sessions and users to ending or demoting one of them; to do
    # that to ourselves would turn the rest of the run into one long 401.
    own = case.path_parameters.get("id")
    if own in os.environ["FUZZ_OWN"].split(",") and case.method.upper() != "GET":
        case.path_parameters["id"] = own[:-1] + ("0" if own[-1] != "0" else "1")


def _whole(values):
    # To JSON Schema 3.0 is a whole number, in a body also to us; in an address it is only text.
    for name, value in (values or {}).items():
        if isinstance(value, float) and value.is_integer():
            values[name] = int(value)


@schemathesis.check
def valid_data_is_accepted(context, response, case):
    """Stands in for `positive_data_acceptance` where that is switched off, and is as strict but for the list above."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code < 400 or response.status_code in (401, 403, 404, 409, 429):
        return
    problem = response.json()
    allowed = BEYOND_SCHEMAS.get(problem["code"], set())
    places = {fault["pointer"] for fault in problem.get("errors", [])} or {None}
    assert places <= allowed, f"a request that fits its schema was refused: {problem['code']} at {places}"
