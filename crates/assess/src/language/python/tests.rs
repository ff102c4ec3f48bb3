use super::Python;
use crate::{fact::Kind, language::Language};

#[test]
fn a_call_is_named_by_what_was_imported_and_by_the_type_of_its_receiver() {
    let text = "from slowapi import Limiter as L\nimport httpx\n\nlimiter = L()\n\nclass Client:\n    def __init__(self):\n        self.http = httpx.AsyncClient(timeout=5)\n\n    async def load(self):\n        return await self.http.get(\"/x\")\n";
    let found = Python.extract("app/client.py", text);
    let calls: Vec<(&str, u32)> =
        found.facts.iter().filter(|fact| fact.kind == Kind::Call).map(|fact| (fact.name.as_str(), fact.line)).collect();
    assert_eq!(calls, [("slowapi.Limiter", 4), ("httpx.AsyncClient", 8), ("httpx.AsyncClient.get", 11)]);
}
