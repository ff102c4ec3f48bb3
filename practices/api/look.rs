//! What can be seen of these practices from outside.

use plimsoll_assess::{Rig, Trouble, rig::get};

use super::versions::unversioned;
use crate::outside::{self, beyond, is_page, untold};

/// Most addresses that are asked for without their version.
const BARE: usize = 3;

/// A read, and the same again for somebody who has it.
pub(crate) async fn conditional(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("validators");
    let description = outside::described(rig).await?;
    let mut paths = vec!["/".to_owned()];
    paths.extend(description.as_ref().and_then(|document| outside::reads(document).into_iter().next()).map(|read| read.path));
    let mut found = None;
    for path in paths {
        let reply = rig.send(get(&path)).await?;
        if let Some(tag) = reply.header("etag").filter(|_| reply.good()) {
            found = Some((path, tag.to_owned(), reply.has("cache-control")));
            break;
        }
    }
    match found {
        Some((path, tag, ruled)) => {
            rig.must(ruled, format!("GET {path} carries an entity tag and says who may keep it"));
            rig.check("not-modified");
            let again = rig.send(get(&path).header("if-none-match", tag)).await?;
            rig.must(again.status == 304 && again.body.is_empty(), format!("GET {path} is answered 304 without a body for who has it"));
        }
        None => {
            rig.unknown("the reads that were asked for carry no entity tag; whether they are cacheable cannot be seen");
            untold(rig, "not-modified", "no entity tag was found to ask with");
        }
    }
    beyond(rig, "changes and private data cannot be asked for by a look");
    Ok(())
}

/// The description and the page that shows it.
pub(crate) async fn description(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("served");
    let document = outside::described(rig).await?;
    match &document {
        Some(document) => {
            let known = ["openapi", "swagger"].iter().any(|member| document[*member].is_string());
            rig.must(known, "the document names the version of OpenAPI that it is written in");
            let broken = super::description::broken_references(document);
            rig.must(broken == 0, "every reference in it leads somewhere");
            rig.check("customised");
            let title = document["info"]["title"].as_str().unwrap_or("");
            let own = !title.is_empty() && !["FastAPI", "OpenAPI definition", "Swagger API", "API"].contains(&title);
            rig.must(own, "its title is its own and not the framework's");
        }
        None => rig.unknown("no description at the usual addresses; it may be elsewhere"),
    }
    rig.check("interactive");
    let found = if outside::answers_everything(rig).await? {
        None
    } else {
        outside::first_good(rig, &["/docs", "/swagger-ui/index.html", "/redoc"]).await?
    };
    match found {
        Some((path, reply)) if is_page(&reply) => {
            rig.must(true, format!("{path} is a page to read it"));
        }
        _ => rig.unknown("no page at the usual addresses; it may be elsewhere"),
    }
    beyond(rig, "whether it holds every route cannot be seen from outside");
    Ok(())
}

/// The addresses of the description, with and without their version.
pub(crate) async fn versions(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("versioned-routes");
    match outside::described(rig).await? {
        None => rig.unknown("the service does not describe its routes"),
        Some(document) => {
            let all: Vec<&String> = document["paths"].as_object().into_iter().flatten().map(|(path, _)| path).collect();
            let business: Vec<&&String> = all.iter().filter(|path| !outside::about_itself(path)).collect();
            let bare = business.iter().filter(|path| unversioned(path).is_none()).count();
            if business.is_empty() {
                rig.unknown("the description names no business route");
            } else {
                rig.must(bare == 0, "every described business route carries a version");
                if bare == 0 {
                    unanswered(rig, &business).await?;
                }
            }
        }
    }
    beyond(rig, "only described routes can be asked for, and only with their version where they have one");
    Ok(())
}

async fn unanswered(rig: &mut Rig, paths: &[&&String]) -> Result<(), Trouble> {
    rig.check("no-unversioned");
    for path in paths.iter().filter(|path| !path.contains('{')).take(BARE) {
        let Some(other) = unversioned(path) else { continue };
        let reply = rig.send(get(&other)).await?;
        rig.must(reply.status >= 400 || is_page(&reply), format!("GET {other} is not answered in place of {path}"));
    }
    Ok(())
}
