//! Scratch tenants and the people in them.

use serde_json::{Value, json};

use super::{Copy, Rig, Trouble, get, post};

/// A tenant that exists for one probe.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its short name.
    pub slug: String,
    /// A key that owns it.
    pub owner: String,
}

/// Somebody who logged in.
#[derive(Debug, Clone)]
pub struct Person {
    /// The id of the account.
    pub id: String,
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
}

impl Rig {
    /// A scratch tenant on the service under test; removed when the probe ends.
    ///
    /// # Errors
    /// When tenants were not granted or cannot be made.
    pub async fn tenant(&mut self) -> Result<Tenant, Trouble> {
        let ground = self.ground.clone();
        let operator = ground.operator.as_ref().ok_or_else(|| Trouble::new("scratch tenants were not granted"))?;
        let slug = self.slug();
        // A run that was cut off may have left one behind.
        let _ = operator.remove(&slug).await;
        self.tenants.push(slug.clone());
        let owner = operator.tenant(&slug).await.map_err(Trouble::new)?;
        Ok(Tenant { slug, owner })
    }

    /// A scratch tenant on a private instance, which takes it along when it ends.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn tenant_on(&mut self, copy: &Copy) -> Result<Tenant, Trouble> {
        let slug = self.slug();
        let owner = copy.operator().await?.tenant(&slug).await.map_err(Trouble::new)?;
        Ok(Tenant { slug, owner })
    }

    fn slug(&mut self) -> String {
        let mark: u32 = u32::from_le_bytes(self.seed.bytes());
        format!("probe-{mark:08x}")
    }

    /// A key of the tenant with this role (`viewer`, `editor`, `admin`, `owner`); its secret.
    ///
    /// # Errors
    /// When the service refuses.
    pub async fn key(&mut self, tenant: &Tenant, role: &str) -> Result<String, Trouble> {
        self.key_of(tenant, &json!({ "name": "probe", "role": role })).await.map(|(_, secret)| secret)
    }

    /// A key of the tenant as this body asks for it; id and secret.
    ///
    /// # Errors
    /// When the service refuses.
    pub async fn key_of(&mut self, tenant: &Tenant, body: &Value) -> Result<(String, String), Trouble> {
        let made = self.quietly(post("/v1/keys").bearer(&tenant.owner).json(body)).await?;
        let (id, secret) = (made.str("/id"), made.str("/secret"));
        if made.status == 201 && !secret.is_empty() {
            Ok((id, secret))
        } else {
            Err(Trouble::new(format!("a key was not made: {}", made.line())))
        }
    }

    /// An account in the tenant with this role, logged in.
    ///
    /// # Errors
    /// When the service refuses.
    pub async fn person(&mut self, tenant: &Tenant, role: &str) -> Result<Person, Trouble> {
        let person = self.account(tenant, role).await?;
        self.log_in(&person).await
    }

    /// An account in the tenant with this role, without a login.
    ///
    /// # Errors
    /// When the service refuses.
    pub async fn account(&mut self, tenant: &Tenant, role: &str) -> Result<Person, Trouble> {
        let mark: u64 = u64::from_le_bytes(self.seed.bytes());
        let (email, password) = (format!("{role}-{mark:016x}@probe.example"), format!("quiet harbour {mark:016x} lantern"));
        let body = json!({ "email": email, "role": role, "password": password });
        let made = self.quietly(post("/v1/users").bearer(&tenant.owner).json(&body)).await?;
        if made.status != 201 {
            return Err(Trouble::new(format!("an account with role {role} was not made: {}", made.line())));
        }
        Ok(Person { id: made.str("/id"), email, password, access: String::new(), refresh: String::new() })
    }

    /// The same person with a new login.
    ///
    /// # Errors
    /// When the service refuses.
    pub async fn log_in(&mut self, person: &Person) -> Result<Person, Trouble> {
        let body = json!({ "email": person.email, "password": person.password });
        let reply = self.quietly(post("/v1/auth/login").json(&body)).await?;
        if reply.status != 200 {
            return Err(Trouble::new(format!("the login failed: {}", reply.line())));
        }
        Ok(Person { access: reply.str("/access_token"), refresh: reply.str("/refresh_token"), ..person.clone() })
    }

    /// The description the service gives of itself (`/openapi.json`).
    ///
    /// # Errors
    /// When there is none.
    pub async fn description(&mut self) -> Result<Value, Trouble> {
        let reply = self.quietly(get("/openapi.json")).await?;
        let value = reply.json();
        if reply.status == 200 && value.pointer("/paths").is_some() {
            Ok(value)
        } else {
            Err(Trouble::new("the service gives no description at /openapi.json"))
        }
    }
}
