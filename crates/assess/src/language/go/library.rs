//! What calls of known libraries give, where their names do not say it.

/// The type that a call gives; nothing where it gives nothing that is followed.
pub(super) fn gives(callee: &str) -> Option<String> {
    if let Some((_, of)) = GIVES.iter().find(|(name, _)| *name == callee) {
        return Some((*of).to_owned());
    }
    let (before, last) = callee.rsplit_once('.')?;
    // Whatever a fluent interface is asked, it answers with itself.
    if FLUENT.contains(&before) {
        return Some(before.to_owned());
    }
    if let Some(rest) = last.strip_prefix("New")
        && rest.starts_with(|c: char| c.is_ascii_uppercase())
    {
        return Some(format!("{before}.{rest}"));
    }
    if callee.len() > 160 { Some(before.to_owned()) } else { Some(callee.to_owned()) }
}

const FLUENT: &[&str] = &[
    "gorm.io/gorm.DB",
    "github.com/jinzhu/gorm.DB",
    "github.com/rs/zerolog.Event",
    "github.com/rs/zerolog.Context",
    "github.com/gorilla/mux.Route",
    "github.com/go-resty/resty.Request",
    "github.com/sirupsen/logrus.Entry",
];

const GIVES: &[(&str, &str)] = &[
    ("github.com/gin-gonic/gin.Default", "github.com/gin-gonic/gin.Engine"),
    ("github.com/gin-gonic/gin.New", "github.com/gin-gonic/gin.Engine"),
    ("github.com/gin-gonic/gin.Engine.Group", "github.com/gin-gonic/gin.RouterGroup"),
    ("github.com/gin-gonic/gin.RouterGroup.Group", "github.com/gin-gonic/gin.RouterGroup"),
    ("github.com/gin-gonic/gin.IRouter.Group", "github.com/gin-gonic/gin.RouterGroup"),
    ("github.com/labstack/echo.New", "github.com/labstack/echo.Echo"),
    ("github.com/labstack/echo.Echo.Group", "github.com/labstack/echo.Group"),
    ("github.com/labstack/echo.Group.Group", "github.com/labstack/echo.Group"),
    ("github.com/go-chi/chi.NewRouter", "github.com/go-chi/chi.Mux"),
    ("github.com/go-chi/chi.NewMux", "github.com/go-chi/chi.Mux"),
    ("github.com/go-chi/chi.Mux.With", "github.com/go-chi/chi.Router"),
    ("github.com/go-chi/chi.Router.With", "github.com/go-chi/chi.Router"),
    ("github.com/go-chi/chi.Mux.Group", "github.com/go-chi/chi.Router"),
    ("github.com/go-chi/chi.Router.Group", "github.com/go-chi/chi.Router"),
    ("github.com/go-chi/chi.Mux.Route", "github.com/go-chi/chi.Router"),
    ("github.com/go-chi/chi.Router.Route", "github.com/go-chi/chi.Router"),
    ("github.com/gofiber/fiber.New", "github.com/gofiber/fiber.App"),
    ("github.com/gofiber/fiber.App.Group", "github.com/gofiber/fiber.Router"),
    ("github.com/gofiber/fiber.Router.Group", "github.com/gofiber/fiber.Router"),
    ("github.com/gorilla/mux.NewRouter", "github.com/gorilla/mux.Router"),
    ("github.com/gorilla/mux.Router.PathPrefix", "github.com/gorilla/mux.Route"),
    ("github.com/gorilla/mux.Router.HandleFunc", "github.com/gorilla/mux.Route"),
    ("github.com/gorilla/mux.Router.Handle", "github.com/gorilla/mux.Route"),
    ("github.com/gorilla/mux.Router.Path", "github.com/gorilla/mux.Route"),
    ("github.com/gorilla/mux.Router.Methods", "github.com/gorilla/mux.Route"),
    ("github.com/gorilla/mux.Router.NewRoute", "github.com/gorilla/mux.Route"),
    ("github.com/gorilla/mux.Route.Subrouter", "github.com/gorilla/mux.Router"),
    ("github.com/gorilla/mux.Router.StrictSlash", "github.com/gorilla/mux.Router"),
    ("github.com/julienschmidt/httprouter.New", "github.com/julienschmidt/httprouter.Router"),
    ("github.com/go-ozzo/ozzo-routing.New", "github.com/go-ozzo/ozzo-routing.Router"),
    ("github.com/go-ozzo/ozzo-routing.Router.Group", "github.com/go-ozzo/ozzo-routing.RouteGroup"),
    ("github.com/go-ozzo/ozzo-routing.RouteGroup.Group", "github.com/go-ozzo/ozzo-routing.RouteGroup"),
    ("net/http.NewServeMux", "net/http.ServeMux"),
    ("net/http.NewRequest", "net/http.Request"),
    ("net/http.NewRequestWithContext", "net/http.Request"),
    ("google.golang.org/grpc.NewServer", "google.golang.org/grpc.Server"),
    ("database/sql.Open", "database/sql.DB"),
    ("database/sql.OpenDB", "database/sql.DB"),
    ("database/sql.DB.Begin", "database/sql.Tx"),
    ("database/sql.DB.BeginTx", "database/sql.Tx"),
    ("database/sql.DB.Prepare", "database/sql.Stmt"),
    ("database/sql.DB.PrepareContext", "database/sql.Stmt"),
    ("github.com/jmoiron/sqlx.Open", "github.com/jmoiron/sqlx.DB"),
    ("github.com/jmoiron/sqlx.Connect", "github.com/jmoiron/sqlx.DB"),
    ("github.com/jmoiron/sqlx.ConnectContext", "github.com/jmoiron/sqlx.DB"),
    ("github.com/jmoiron/sqlx.MustConnect", "github.com/jmoiron/sqlx.DB"),
    ("github.com/jackc/pgx/pgxpool.New", "github.com/jackc/pgx/pgxpool.Pool"),
    ("github.com/jackc/pgx/pgxpool.Connect", "github.com/jackc/pgx/pgxpool.Pool"),
    ("github.com/jackc/pgx/pgxpool.NewWithConfig", "github.com/jackc/pgx/pgxpool.Pool"),
    ("github.com/jackc/pgx/pgxpool.ParseConfig", "github.com/jackc/pgx/pgxpool.Config"),
    ("github.com/jackc/pgx.Connect", "github.com/jackc/pgx.Conn"),
    ("gorm.io/gorm.Open", "gorm.io/gorm.DB"),
    ("gorm.io/gorm.DB.DB", "database/sql.DB"),
    ("github.com/jinzhu/gorm.Open", "github.com/jinzhu/gorm.DB"),
    ("github.com/jinzhu/gorm.DB.DB", "database/sql.DB"),
    ("github.com/redis/go-redis.NewClient", "github.com/redis/go-redis.Client"),
    ("log/slog.New", "log/slog.Logger"),
    ("log/slog.Default", "log/slog.Logger"),
    ("log/slog.With", "log/slog.Logger"),
    ("log/slog.Logger.With", "log/slog.Logger"),
    ("go.uber.org/zap.NewProduction", "go.uber.org/zap.Logger"),
    ("go.uber.org/zap.NewDevelopment", "go.uber.org/zap.Logger"),
    ("go.uber.org/zap.New", "go.uber.org/zap.Logger"),
    ("go.uber.org/zap.Must", "go.uber.org/zap.Logger"),
    ("go.uber.org/zap.L", "go.uber.org/zap.Logger"),
    ("go.uber.org/zap.S", "go.uber.org/zap.SugaredLogger"),
    ("go.uber.org/zap.Logger.Sugar", "go.uber.org/zap.SugaredLogger"),
    ("github.com/rs/zerolog.New", "github.com/rs/zerolog.Logger"),
    ("github.com/rs/zerolog.Context.Logger", "github.com/rs/zerolog.Logger"),
    ("github.com/rs/zerolog.Logger.With", "github.com/rs/zerolog.Context"),
    ("github.com/rs/zerolog.Logger.Info", "github.com/rs/zerolog.Event"),
    ("github.com/rs/zerolog.Logger.Error", "github.com/rs/zerolog.Event"),
    ("github.com/rs/zerolog.Logger.Warn", "github.com/rs/zerolog.Event"),
    ("github.com/rs/zerolog.Logger.Debug", "github.com/rs/zerolog.Event"),
    ("github.com/rs/zerolog.Logger.Fatal", "github.com/rs/zerolog.Event"),
    ("github.com/rs/zerolog/log.With", "github.com/rs/zerolog.Context"),
    ("github.com/rs/zerolog/log.Info", "github.com/rs/zerolog.Event"),
    ("github.com/rs/zerolog/log.Error", "github.com/rs/zerolog.Event"),
    ("github.com/rs/zerolog/log.Warn", "github.com/rs/zerolog.Event"),
    ("github.com/rs/zerolog/log.Debug", "github.com/rs/zerolog.Event"),
    ("github.com/rs/zerolog/log.Fatal", "github.com/rs/zerolog.Event"),
    ("github.com/sirupsen/logrus.New", "github.com/sirupsen/logrus.Logger"),
    ("github.com/sirupsen/logrus.WithField", "github.com/sirupsen/logrus.Entry"),
    ("github.com/sirupsen/logrus.WithFields", "github.com/sirupsen/logrus.Entry"),
    ("github.com/sirupsen/logrus.WithError", "github.com/sirupsen/logrus.Entry"),
    ("github.com/spf13/viper.New", "github.com/spf13/viper.Viper"),
    ("github.com/spf13/cobra.Command.Flags", "github.com/spf13/pflag.FlagSet"),
    ("github.com/spf13/cobra.Command.PersistentFlags", "github.com/spf13/pflag.FlagSet"),
    ("context.WithTimeout", "context.Context"),
    ("context.WithCancel", "context.Context"),
    ("context.Background", "context.Context"),
];
