//! Gin.

use super::Sample;

/// Gin.
pub const GO: Sample = (
    "go",
    &[
        (
            "go.mod",
            "module example.org/shop\n\ngo 1.22\n\nrequire (\n\tgithub.com/gin-gonic/gin v1.10.0\n\tgithub.com/prometheus/client_golang v1.19.1\n)\n",
        ),
        (
            "main.go",
            r#"package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.org/shop/orders"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	router := gin.New()
	router.Use(gin.Recovery())
	router.GET("/healthz", func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) })
	router.GET("/metrics", gin.WrapH(promhttp.Handler()))
	orders.Mount(router.Group("/v1"))

	server := &http.Server{
		Addr:              ":8080",
		Handler:           router,
		ReadHeaderTimeout: 5 * time.Second,
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); err != nil {
		slog.Error("stopped", "error", err)
	}
}
"#,
        ),
        (
            "orders/orders.go",
            r#"package orders

import (
	"database/sql"
	"net/http"

	"github.com/gin-gonic/gin"
)

var db *sql.DB

type Order struct {
	Name string `json:"name" binding:"required,max=80"`
}

func Mount(group *gin.RouterGroup) {
	group.GET("/orders", list)
	group.POST("/orders", create)
}

func list(c *gin.Context) {
	rows, err := db.QueryContext(c, "SELECT id, name FROM orders ORDER BY id LIMIT 20")
	if err != nil {
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	defer rows.Close()
}

func create(c *gin.Context) {
	var order Order
	if err := c.ShouldBindJSON(&order); err != nil {
		c.JSON(http.StatusUnprocessableEntity, gin.H{"code": "invalid"})
		return
	}
	c.JSON(http.StatusCreated, order)
}
"#,
        ),
        (
            "orders/orders_test.go",
            r#"package orders

import "testing"

func TestNames(t *testing.T) {
	if (Order{Name: "a"}).Name != "a" {
		t.Fatal("another name")
	}
}
"#,
        ),
    ],
);
