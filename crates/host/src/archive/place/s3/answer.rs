//! The little XML that an object store speaks.

use plimsoll_core::Result;

use super::client::strange;

/// The text of the first element with this name.
pub(super) fn text(xml: &str, name: &str) -> Option<String> {
    element(xml, name).map(|(text, _)| unescaped(text))
}

/// The first element with this name, and what follows it. Object stores use neither attributes nor
/// nesting of an element in its like for the names that are asked for here.
fn element<'x>(xml: &'x str, name: &str) -> Option<(&'x str, &'x str)> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let (_, rest) = xml.split_once(&open)?;
    rest.split_once(&close)
}

/// Names and lengths in a listing.
pub(super) fn contents(mut xml: &str) -> Result<Vec<(String, u64)>> {
    let mut found = Vec::new();
    while let Some((one, rest)) = element(xml, "Contents") {
        let key = text(one, "Key").ok_or_else(|| strange("it lists an object without a name"))?;
        let size = text(one, "Size").and_then(|size| size.parse().ok()).ok_or_else(|| strange("it lists an object without a length"))?;
        found.push((key, size));
        xml = rest;
    }
    Ok(found)
}

/// What puts parts together, from their tags.
pub(super) fn completion(tags: &[String]) -> String {
    let mut out = String::from("<CompleteMultipartUpload>");
    for (at, tag) in tags.iter().enumerate() {
        let number = at + 1;
        out.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>", escaped(tag)));
    }
    out.push_str("</CompleteMultipartUpload>");
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn unescaped(text: &str) -> String {
    let named = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#x22;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    named.iter().fold(text.to_owned(), |text, (written, meant)| text.replace(written, meant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read() {
        let xml = "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\"><IsTruncated>true</IsTruncated>\
            <Contents><Key>a&amp;b</Key><Size>12</Size></Contents><Contents>\n<Key>c</Key><ETag>&quot;1&quot;</ETag><Size>0</Size></Contents>\
            <NextContinuationToken>t/==</NextContinuationToken></ListBucketResult>";
        assert_eq!(contents(xml).unwrap(), [("a&b".into(), 12), ("c".into(), 0)]);
        assert_eq!(text(xml, "NextContinuationToken").as_deref(), Some("t/=="));
        assert_eq!(text(xml, "UploadId"), None);
        assert!(contents("<Contents><Key>a</Key></Contents>").is_err());
        assert_eq!(contents("<html>").unwrap(), []);
    }
}
