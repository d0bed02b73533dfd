//! The register of routes: the only way to add one, and it demands a permission.

use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use oms_app::views::words;
use oms_core::permissions::Permission;
use oms_store::lists::{Kind, List};
use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Required, ResponseBuilder};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::auth::{Guard, guard};
use crate::input::BODY_BYTES;
use crate::session;
use crate::state::WebState;

/// One method of one path, with what it takes to call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    pub method: Method,
    /// With `{id}` where an id goes.
    pub path: String,
    pub permission: Permission,
    /// A screen of the back office: it knows its callers by their session, not by a token.
    pub is_screen: bool,
}

/// Routes with their permissions and their part of the API description.
pub(crate) struct Routes {
    state: WebState,
    router: OpenApiRouter<WebState>,
    listed: Vec<RouteInfo>,
}

/// The largest form of a page.
const PAGE_BODY_BYTES: usize = 16 << 10;
/// The methods the register knows.
const METHODS: usize = 5;

fn operations(item: &mut PathItem) -> [(Method, &mut Option<utoipa::openapi::path::Operation>); METHODS] {
    [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ]
}

impl Routes {
    pub(crate) fn new(state: WebState, document: utoipa::openapi::OpenApi) -> Self {
        Self { state, router: OpenApiRouter::with_openapi(document), listed: Vec::new() }
    }

    /// Adds the methods of one path, all with the same permission.
    pub(crate) fn add(self, permission: Permission, routes: UtoipaMethodRouter<WebState>) -> Self {
        self.add_sized(permission, BODY_BYTES, routes)
    }

    /// The same with another limit of the body.
    pub(crate) fn add_sized(
        mut self,
        permission: Permission,
        body_bytes: usize,
        (schemas, mut paths, methods): UtoipaMethodRouter<WebState>,
    ) -> Self {
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                let Some(operation) = operation else { continue };
                operation.operation_id = Some(operation_id(path, &method));
                describe(operation, permission);
                self.listed.push(RouteInfo { method, path: path.clone(), permission, is_screen: false });
            }
        }
        let guard_state = Guard { state: self.state.clone(), permission };
        let methods = methods
            .layer(DefaultBodyLimit::max(body_bytes))
            .route_layer(axum::middleware::from_fn_with_state(guard_state, guard));
        self.router = self.router.routes((schemas, paths, methods));
        self
    }

    /// Adds a list: its filters are described from its table.
    pub(crate) fn list(
        self,
        permission: Permission,
        list: &List,
        routes: UtoipaMethodRouter<WebState>,
    ) -> Self {
        let (schemas, mut paths, methods) = routes;
        for item in paths.paths.values_mut() {
            if let Some(get) = &mut item.get {
                get.parameters.get_or_insert_default().extend(parameters(list).into_iter().map(RefOr::T));
            }
        }
        self.add(permission, (schemas, paths, methods))
    }

    /// Adds a page, which is no part of the API's description.
    pub(crate) fn page(
        mut self,
        permission: Permission,
        path: &str,
        methods: &[&str],
        routes: axum::routing::MethodRouter<WebState>,
    ) -> Self {
        for method in methods {
            let method =
                Method::from_bytes(method.as_bytes()).expect("the methods of pages are written in the code");
            self.listed.push(RouteInfo { method, path: path.into(), permission, is_screen: false });
        }
        let guard_state = Guard { state: self.state.clone(), permission };
        let routes = routes
            .layer(DefaultBodyLimit::max(PAGE_BODY_BYTES))
            .route_layer(axum::middleware::from_fn_with_state(guard_state, guard));
        self.router = self.router.route(path, routes);
        self
    }

    /// Adds a screen of the back office: it wants a session, and the proof of a form for changes.
    pub(crate) fn screen(
        mut self,
        permission: Permission,
        path: &str,
        methods: &[&str],
        routes: axum::routing::MethodRouter<WebState>,
    ) -> Self {
        for method in methods {
            let method = Method::from_bytes(method.as_bytes())
                .expect("the methods of screens are written in the code");
            self.listed.push(RouteInfo { method, path: path.into(), permission, is_screen: true });
        }
        let guard_state = Guard { state: self.state.clone(), permission };
        let routes = routes
            .layer(DefaultBodyLimit::max(session::FORM_BYTES))
            .route_layer(axum::middleware::from_fn_with_state(guard_state, session::guard));
        self.router = self.router.route(path, routes);
        self
    }

    pub(crate) fn finish(self) -> (axum::Router<WebState>, utoipa::openapi::OpenApi, Vec<RouteInfo>) {
        let (router, document) = self.router.split_for_parts();
        (router, document, self.listed)
    }
}

/// `/api/v1/oms/packages/{id}/` and GET are `packages_id_get`.
fn operation_id(path: &str, method: &Method) -> String {
    let words = path.split(['/', '{', '}', '-']).filter(|w| !matches!(*w, "" | "api" | "v1" | "oms"));
    words.chain([method.as_str().to_ascii_lowercase().as_str()]).collect::<Vec<_>>().join("_")
}

/// What holds for every operation: who may call it and what errors look like.
fn describe(operation: &mut utoipa::openapi::path::Operation, permission: Permission) {
    let error = |schema: &str, text: &str| {
        let content =
            utoipa::openapi::content::ContentBuilder::new().schema(Some(Ref::from_schema_name(schema)));
        ResponseBuilder::new().description(text).content("application/json", content.build()).build()
    };
    let mut described = std::mem::replace(operation, OperationBuilder::new().build());
    let responses = &mut described.responses.responses;
    if permission == Permission::Public {
        described.security = Some(vec![utoipa::openapi::security::SecurityRequirement::default()]);
    } else {
        responses.insert("401".into(), error("AccessError", "No token, or one that is not valid.").into());
        responses
            .insert("403".into(), error("AccessError", "The token's role does not include this.").into());
        let needs = format!("Permission: `{permission:?}`.");
        described.description = Some(match described.description.take() {
            Some(text) if !text.is_empty() => format!("{text}\n\n{needs}"),
            _ => needs,
        });
    }
    responses.insert("default".into(), error("Error", "What went wrong, with a stable code.").into());
    *operation = described;
}

fn parameters(list: &List) -> Vec<Parameter> {
    let parameter = |name: &str, schema: Type, text: String| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(text))
            .schema(Some(ObjectBuilder::new().schema_type(SchemaType::new(schema)).build()))
            .build()
    };
    let orders: Vec<_> = list.orders.iter().map(|(name, _)| format!("`{name}`")).collect();
    let mut all = vec![
        parameter("page", Type::Integer, "From 1.".into()),
        parameter(
            "limit",
            Type::Integer,
            "Rows a page, 1 to 100; more means 100. `page_size` is the same.".into(),
        ),
        parameter(
            "cursor",
            Type::String,
            "Ours: the `next_cursor` of the answer before, in place of `page`: what comes behind it, at the same cost \
             however far one is. With the same filters and sort."
                .into(),
        ),
        parameter("sort", Type::String, format!("One of {}.", orders.join(", "))),
    ];
    all.extend(list.filters.iter().map(|f| {
        let named;
        let (schema, text) = match f.kind {
            Kind::Words(known) => {
                named = format!("Words between commas, one of them: {}.", words(known));
                (Type::String, named.as_str())
            }
            Kind::Codes(known) => {
                named = format!("Whole numbers or words between commas, one of them: {}.", words(known));
                (Type::String, named.as_str())
            }
            Kind::OneOf(known) => {
                named = format!("One of {}.", known.join(", "));
                (Type::String, named.as_str())
            }
            Kind::Int => (Type::Integer, "Equal."),
            Kind::Ints => (Type::String, "Whole numbers between commas: one of them."),
            Kind::Text => (Type::String, "Equal."),
            Kind::Folded => (Type::String, "Equal, without regard to case and accents."),
            Kind::Texts => (Type::String, "Texts between commas: one of them."),
            Kind::Prefix | Kind::PrefixOfBase => (Type::String, "Begins so."),
            Kind::Contains => (Type::String, "Contains it."),
            Kind::Bool | Kind::Switch(_) => (Type::Boolean, "true or false."),
            Kind::OtherThan(_) => (Type::Integer, "Not equal."),
            Kind::Time => (Type::String, "ISO 8601."),
            Kind::Day => (Type::String, "A day or a moment, ISO 8601."),
        };
        let caution = if f.name == "id__gt" {
            " Ids say nothing of time: do not follow new records by id."
        } else {
            ""
        };
        let text = if f.name.ends_with("__exclude") { "Texts between commas: none of them." } else { text };
        parameter(f.name, schema, format!("{text} Sent several times: either.{caution}"))
    }));
    all
}
