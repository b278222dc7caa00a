//! `GET /v1/admin/users`, `GET /v1/admin/users/{id}`, `POST .../disable|enable`, `GET .../sessions`.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use cloakroom_auth::Error;
use cloakroom_auth::audit::Audit;
use cloakroom_auth::user::{Status, User};
use cloakroom_verify::UserId;
use cloakroom_verify::clock::Clock;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Admin;
use crate::app::App;
use crate::json::{self, Path, Query};
use crate::problem::{Code, Problem};
use crate::view::{SessionView, rfc3339};

/// Accounts of a page at most, and of one that does not say.
const MOST: u32 = 500;
const USUAL: u32 = 100;

/// Which accounts.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct UsersQuery {
    /// Only those whose email contains this.
    query: Option<String>,
    /// Only those after this id: the last one of the page before.
    after: Option<String>,
    /// How many at most: 1 to 500, else 100.
    limit: Option<u32>,
}

/// An account, as an administrator sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminUserView {
    id: String,
    email: String,
    name: Option<String>,
    roles: Vec<String>,
    /// `active` or `disabled`.
    status: &'static str,
    created_at: String,
}

/// A page of accounts, in the order of their ids.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsersView {
    users: Vec<AdminUserView>,
}

/// The live logins of an account, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserSessionsView<'a> {
    sessions: Vec<SessionView<'a>>,
}

impl From<&User> for AdminUserView {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.clone(),
            name: user.name.clone(),
            roles: user.roles.iter().map(String::from).collect(),
            status: user.status.as_str(),
            created_at: rfc3339(user.created_at),
        }
    }
}

/// Lists accounts.
#[utoipa::path(get, path = "/v1/admin/users", tag = "admin", params(UsersQuery), responses(
    (status = 200, body = UsersView),
    (status = 403, description = "`forbidden`: neither the role nor the scope `admin`"),
    (status = 422, description = "`validation_failed`"),
    (status = 429, description = "`too_many_requests`: unknown service keys from this address"),
))]
pub async fn list(
    State(app): State<App>,
    _: Admin,
    Query(UsersQuery { query, after, limit }): Query<UsersQuery>,
) -> Result<Json<UsersView>, Problem> {
    let after = after.map(|after| after.parse()).transpose();
    let after = after.map_err(|_| Problem::field("after", "invalid", "this is no id"))?;
    let limit = limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::field("limit", "invalid", format!("expected 1 to {MOST}")));
    }
    let query = query.unwrap_or_default().to_lowercase();
    let users = app.auth.store.list_users(&query, after, limit).await.map_err(Error::Store)?;
    Ok(Json(UsersView { users: users.iter().map(AdminUserView::from).collect() }))
}

/// Shows an account.
#[utoipa::path(get, path = "/v1/admin/users/{id}", tag = "admin", params(("id" = String, Path)), responses(
    (status = 200, body = AdminUserView),
    (status = 404, description = "`not_found`"),
    (status = 429, description = "`too_many_requests`: unknown service keys from this address"),
))]
pub async fn show(
    State(app): State<App>,
    _: Admin,
    Path(id): Path<String>,
) -> Result<Json<AdminUserView>, Problem> {
    Ok(Json(AdminUserView::from(&found(&app, &id).await?)))
}

/// Ends every login of an account and lets it make no new one. Doing it again changes nothing.
#[utoipa::path(post, path = "/v1/admin/users/{id}/disable", tag = "admin", params(("id" = String, Path)), responses(
    (status = 200, body = AdminUserView),
    (status = 404, description = "`not_found`"),
    (status = 429, description = "`too_many_requests`: unknown service keys from this address"),
))]
pub async fn disable(
    State(app): State<App>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<Json<AdminUserView>, Problem> {
    set_status(&app, &admin, &id, Status::Disabled).await
}

/// Lets an account log in again. Doing it again changes nothing.
#[utoipa::path(post, path = "/v1/admin/users/{id}/enable", tag = "admin", params(("id" = String, Path)), responses(
    (status = 200, body = AdminUserView),
    (status = 404, description = "`not_found`"),
    (status = 429, description = "`too_many_requests`: unknown service keys from this address"),
))]
pub async fn enable(
    State(app): State<App>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<Json<AdminUserView>, Problem> {
    set_status(&app, &admin, &id, Status::Active).await
}

/// Lists the live logins of an account. Those by `jwt` have no row and are not among them.
#[utoipa::path(get, path = "/v1/admin/users/{id}/sessions", tag = "admin", params(("id" = String, Path)), responses(
    (status = 200, body = UserSessionsView),
    (status = 404, description = "`not_found`"),
    (status = 429, description = "`too_many_requests`: unknown service keys from this address"),
))]
pub async fn sessions(State(app): State<App>, _: Admin, Path(id): Path<String>) -> Result<Response, Problem> {
    let user = found(&app, &id).await?;
    let sessions = app.auth.sessions(user.id, app.clock.wall()).await?;
    let sessions = sessions.iter().map(|session| SessionView::of(session, None)).collect();
    Ok(json::written(&UserSessionsView { sessions }))
}

async fn set_status(
    app: &App,
    admin: &Admin,
    id: &str,
    status: Status,
) -> Result<Json<AdminUserView>, Problem> {
    let id = parsed(id)?;
    let changed = app.auth.set_status(id, status, app.clock.wall()).await?;
    let user = changed.ok_or_else(|| Problem::new(Code::NotFound))?;
    Audit::AdminSetStatus(&admin.name(), id, status).log();
    Ok(Json(AdminUserView::from(&user)))
}

async fn found(app: &App, id: &str) -> Result<User, Problem> {
    let found = app.auth.store.by_id(parsed(id)?).await.map_err(Error::Store)?;
    found.map(|(user, _)| user).ok_or_else(|| Problem::new(Code::NotFound))
}

fn parsed(id: &str) -> Result<UserId, Problem> {
    id.parse().map_err(|_| Problem::new(Code::NotFound))
}
