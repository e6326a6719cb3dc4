"""One API (Go) with SQLite: it meters and stores."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from bench.contenders.contender import CONNECTIONS, Command, Contender, Place, Running
from bench.contenders.installed import folder, go_program
from bench.contenders.pins import PINS
from bench.contenders.recording import Recording
from bench.mock import MODEL
from bench.processes import GATEWAY_CORE, BenchError

NAME = "one-api"
# Its own `main` wants pages that its module does not bring, files of tokens from the internet, and a log of every
# request. This one does the same steps without them.
_MAIN = """\
package main

import (
	"embed"
	"io"
	"log"
	"os"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"
	"github.com/pkoukk/tiktoken-go"
	loader "github.com/pkoukk/tiktoken-go-loader"
	"github.com/songquanpeng/one-api/common"
	"github.com/songquanpeng/one-api/common/client"
	"github.com/songquanpeng/one-api/common/config"
	"github.com/songquanpeng/one-api/middleware"
	"github.com/songquanpeng/one-api/model"
	"github.com/songquanpeng/one-api/relay/adaptor/openai"
	"github.com/songquanpeng/one-api/router"
)

func main() {
	gin.SetMode(gin.ReleaseMode)
	gin.DefaultWriter = io.Discard // errors are still told
	tiktoken.SetBpeLoader(loader.NewOfflineLoader())
	common.Init()
	model.InitDB()
	model.InitLogDB()
	if err := model.CreateRootAccountIfNeed(); err != nil {
		log.Fatal(err)
	}
	if err := common.InitRedisClient(); err != nil { // without its address it goes on without
		log.Fatal(err)
	}
	model.InitOptionMap()
	model.InitChannelCache()
	go model.SyncOptions(config.SyncFrequency)
	go model.SyncChannelCache(config.SyncFrequency)
	config.BatchUpdateEnabled = true
	model.InitBatchUpdater()
	openai.InitTokenEncoders()
	client.Init()
	server := gin.New()
	server.Use(gin.Recovery(), middleware.RequestId())
	server.Use(sessions.Sessions("session", cookie.NewStore([]byte(config.SessionSecret))))
	router.SetRouter(server, embed.FS{})
	log.Fatal(server.Run("127.0.0.1:" + os.Getenv("PORT")))
}
"""
_TOKENS = "github.com/pkoukk/tiktoken-go-loader@v0.0.2"
"""The files of tokens as a module."""
_ENVIRONMENT = {
    # With the updates in batches that the program above sets, what its guide advises for many requests.
    "MEMORY_CACHE_ENABLED": "true",
    "SYNC_FREQUENCY": "1",  # seconds until it sees an upstream that was added
    "SQLITE_BUSY_TIMEOUT": "60000",  # with the 3 s that it waits by itself one record in five is lost
    "GLOBAL_API_RATE_LIMIT": "0",
    "GLOBAL_WEB_RATE_LIMIT": "0",
}
WAIT_SECONDS = 15.0
_KEYS = tuple(f"sk-bench{number:03}" for number in range(CONNECTIONS))  # it cuts a key where it finds a dash
_QUOTA = 10**15
_COMPLETED = f"SELECT count(*) FROM logs WHERE type = 2 AND model_name = '{MODEL}' AND completion_tokens > 0"


class OneApi(Contender):
    name = NAME
    keys = meters = stores = True
    lacks = "sums of users and keys are written seconds later; it goes on where a record cannot be written"
    ready = "/api/status"

    def install(self) -> None:
        go_program(NAME, _MAIN, _TOKENS)

    def version(self) -> str:
        return PINS[NAME].version.removeprefix("v")  # its program knows none

    def known(self) -> Sequence[str]:
        return _KEYS

    def command(self, place: Place) -> Command:
        environment = {**_ENVIRONMENT, "PORT": str(place.port), "SQLITE_PATH": str(_database(place))}
        return Command([str(folder(NAME) / "bin" / NAME), "--log-dir", ""], environment)

    @contextmanager
    def running(self, upstream: int, *, cores: Collection[int] = GATEWAY_CORE) -> Iterator[Running]:
        with self.started(upstream, cores=cores) as (program, place):
            database = _database(place)
            add_users(database, self.known())
            add_upstream(database, upstream)
            running = Recording(self.name, program, self.known(), database, _COMPLETED)
            await_upstream(running)
            self.try_keys(running)
            running.answered += 2
            yield running


def _database(place: Place) -> Path:
    return place.folder / "one-api.db"


def add_users(database: Path, keys: Sequence[str]) -> None:
    """Each with a key. Its own way would be to sign in as each, and it lets nobody sign in so often."""
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        for number, key in enumerate(keys, start=1000):
            connection.execute(
                "INSERT INTO users (id, username, password, access_token, aff_code, quota)"
                " VALUES (?, 'bench' || ?1, '', ?1, ?1, ?)",
                (number, _QUOTA),
            )
            connection.execute(
                "INSERT INTO tokens (user_id, key, name, remain_quota) VALUES (?, ?, 'bench', ?)",
                (number, key.removeprefix("sk-"), _QUOTA),
            )
        connection.commit()


def add_upstream(database: Path, port: int) -> None:
    """An OpenAI-compatible one (its type 1), and a price of its model."""
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        connection.execute(
            "INSERT INTO channels (type, key, name, base_url, models) VALUES (1, 'sk-none', 'mock', ?, ?)",
            (f"http://127.0.0.1:{port}", MODEL),
        )
        connection.execute(
            "INSERT INTO abilities (`group`, model, channel_id, enabled) SELECT 'default', models, id, 1 FROM channels"
        )
        connection.execute("INSERT OR REPLACE INTO options VALUES ('ModelRatio', ?)", (f'{{"{MODEL}": 1}}',))
        connection.commit()


def await_upstream(running: Running) -> None:
    """Until it has seen what was added. Raises BenchError."""
    until = time.monotonic() + WAIT_SECONDS
    while (status := running.status(running.keys[0])) != 200:
        if time.monotonic() > until:
            raise BenchError(f"{NAME} still answers {status} to a request with its key")
        time.sleep(0.2)
