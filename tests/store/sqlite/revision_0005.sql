BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0005');
CREATE TABLE aliases (
	name TEXT NOT NULL, 
	model TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "aliases" VALUES('small','llama3.2:1b');
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	actor TEXT NOT NULL, 
	action TEXT NOT NULL, 
	target TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	address TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,1795176000000,'admin','user.create','ann','{}','127.0.0.1');
INSERT INTO "audit" VALUES(2,1795176000000,'admin','user.create','ann','{}','127.0.0.1');
INSERT INTO "audit" VALUES(3,1795176000000,'admin','user.create','ann','{}','127.0.0.1');
CREATE TABLE checkpoints (
	seq BIGINT NOT NULL, 
	hash BLOB NOT NULL, 
	newest BIGINT NOT NULL, 
	requests BIGINT NOT NULL, 
	prompt_tokens BIGINT NOT NULL, 
	cached_tokens BIGINT NOT NULL, 
	cache_write_tokens BIGINT NOT NULL, 
	completion_tokens BIGINT NOT NULL, 
	reasoning_tokens BIGINT NOT NULL, 
	cost_micro BIGINT NOT NULL, 
	cost_rest BIGINT NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "checkpoints" VALUES(2,X'EBA5CA2A0A11C4F191BF502ABDDAF217CBEEE931075433852529B319F31616BE',1795176000701,2,20,4,2,10,6,8,1000000);
CREATE TABLE head (
	id INTEGER NOT NULL, 
	seq BIGINT NOT NULL, 
	hash BLOB NOT NULL, 
	minutes_from BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "head" VALUES(1,5,X'FDFD625B6426444A897E91C3B4E2655EF627CCDE39202D70D0D82FC741386044',1795086000000);
CREATE TABLE hourly (
	hour BIGINT NOT NULL, 
	user_id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	key_id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	requests BIGINT NOT NULL, 
	prompt_tokens BIGINT NOT NULL, 
	cached_tokens BIGINT NOT NULL, 
	cache_write_tokens BIGINT NOT NULL, 
	completion_tokens BIGINT NOT NULL, 
	reasoning_tokens BIGINT NOT NULL, 
	cost_micro BIGINT NOT NULL, 
	cost_rest BIGINT NOT NULL, 
	PRIMARY KEY (hour, user_id, model, key_id, status)
)
 WITHOUT ROWID

;
INSERT INTO "hourly" VALUES(1795176000000,'Zoë','llama3.2:1b','','completed',1,10,2,1,5,3,0,25);
INSERT INTO "hourly" VALUES(1795176000000,'ann','','','completed',0,0,0,0,0,0,-1,999995);
INSERT INTO "hourly" VALUES(1795176000000,'ann','llama3.2:1b','key_1','completed',3,30,6,3,15,9,12,1500000);
CREATE TABLE hourly_models (
	hour BIGINT NOT NULL, 
	model TEXT NOT NULL, 
	status TEXT NOT NULL, 
	requests BIGINT NOT NULL, 
	prompt_tokens BIGINT NOT NULL, 
	cached_tokens BIGINT NOT NULL, 
	cache_write_tokens BIGINT NOT NULL, 
	completion_tokens BIGINT NOT NULL, 
	reasoning_tokens BIGINT NOT NULL, 
	cost_micro BIGINT NOT NULL, 
	cost_rest BIGINT NOT NULL, 
	PRIMARY KEY (hour, model, status)
)
 WITHOUT ROWID

;
INSERT INTO "hourly_models" VALUES(1795176000000,'','completed',0,0,0,0,0,0,-1,999995);
INSERT INTO "hourly_models" VALUES(1795176000000,'llama3.2:1b','completed',4,40,8,4,20,12,12,1500025);
CREATE TABLE installation (
	name TEXT NOT NULL, 
	value BLOB NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "installation" VALUES('name',X'76616C7565');
CREATE TABLE intents (
	request_id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	user_id TEXT NOT NULL, 
	key_id TEXT, 
	model TEXT NOT NULL, 
	requested_model TEXT NOT NULL, 
	endpoint TEXT NOT NULL, 
	upstream TEXT NOT NULL, 
	stream BOOLEAN NOT NULL, bound_tokens BIGINT, bound_cost_pico BIGINT, 
	PRIMARY KEY (request_id)
)
 WITHOUT ROWID

;
CREATE TABLE keys (
	id TEXT NOT NULL, 
	user_id TEXT NOT NULL, 
	name TEXT, 
	prefix TEXT NOT NULL, 
	digest BLOB NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT, 
	revoked_at BIGINT, 
	last_used_at BIGINT, limits TEXT DEFAULT '{}' NOT NULL, retires_at BIGINT, origin TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "keys" VALUES('key_1','ann','laptop','sk-ann-ab',X'7365637265742D646967657374',1795176000000,NULL,NULL,NULL,'{"counts": {}, "max_concurrent_requests": null, "max_tokens_per_request": null, "allowed_models": null, "models": {}}',NULL,NULL);
CREATE TABLE monthly_users (
	month BIGINT NOT NULL, 
	user_id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	requests BIGINT NOT NULL, 
	prompt_tokens BIGINT NOT NULL, 
	cached_tokens BIGINT NOT NULL, 
	cache_write_tokens BIGINT NOT NULL, 
	completion_tokens BIGINT NOT NULL, 
	reasoning_tokens BIGINT NOT NULL, 
	cost_micro BIGINT NOT NULL, 
	cost_rest BIGINT NOT NULL, 
	PRIMARY KEY (month, user_id, status)
)
 WITHOUT ROWID

;
INSERT INTO "monthly_users" VALUES(1793491200000,'Zoë','completed',1,10,2,1,5,3,0,25);
INSERT INTO "monthly_users" VALUES(1793491200000,'ann','completed',3,30,6,3,15,9,11,2499995);
CREATE TABLE prices (
	id INTEGER NOT NULL, 
	model TEXT NOT NULL, 
	input BIGINT NOT NULL, 
	output BIGINT NOT NULL, 
	cached_input BIGINT, 
	cache_write BIGINT, 
	effective_at BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "prices" VALUES(1,'llama3.2:1b',150000,600000,NULL,NULL,1795176000000,1795176000000);
CREATE TABLE pruned_users (
	month BIGINT NOT NULL, 
	user_id TEXT NOT NULL, 
	requests BIGINT NOT NULL, 
	prompt_tokens BIGINT NOT NULL, 
	cached_tokens BIGINT NOT NULL, 
	cache_write_tokens BIGINT NOT NULL, 
	completion_tokens BIGINT NOT NULL, 
	reasoning_tokens BIGINT NOT NULL, 
	cost_micro BIGINT NOT NULL, 
	cost_rest BIGINT NOT NULL, 
	PRIMARY KEY (month, user_id)
)
 WITHOUT ROWID

;
INSERT INTO "pruned_users" VALUES(1793491200000,'ann',2,20,4,2,10,6,8,1000000);
CREATE TABLE records (
	request_id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	settled_at BIGINT NOT NULL, 
	user_id TEXT NOT NULL, 
	key_id TEXT, 
	model TEXT NOT NULL, 
	requested_model TEXT NOT NULL, 
	endpoint TEXT NOT NULL, 
	upstream TEXT NOT NULL, 
	stream BOOLEAN NOT NULL, 
	status TEXT NOT NULL, 
	prompt_tokens BIGINT NOT NULL, 
	cached_tokens BIGINT NOT NULL, 
	cache_write_tokens BIGINT NOT NULL, 
	completion_tokens BIGINT NOT NULL, 
	reasoning_tokens BIGINT NOT NULL, 
	estimated BOOLEAN NOT NULL, 
	cost_pico BIGINT NOT NULL, 
	price_id INTEGER, 
	latency_ms BIGINT NOT NULL, 
	first_token_ms BIGINT, 
	queued_ms BIGINT NOT NULL, 
	finish_reason TEXT, 
	metadata TEXT, 
	seq BIGINT NOT NULL, 
	hash BLOB NOT NULL, 
	PRIMARY KEY (request_id)
)
 WITHOUT ROWID

;
INSERT INTO "records" VALUES('req_01a1f8d3ea02fbeb28325b1395e9',1795176000002,1795176000702,'ann','key_1','llama3.2:1b','llama3.2','/v1/chat/completions','ollama',1,'completed',10,2,1,5,3,0,4500000,1,700,120,4,'stop','{"team":"blue"}',3,X'85DC86EA475FD71DA500634CD1D547351DF6C375ADC973C23F182EEB3FFA071C');
INSERT INTO "records" VALUES('req_01a1f8d3ea0542156db40f40d842',1795176000005,1795176000705,'Zoë',NULL,'llama3.2:1b','llama3.2','/v1/chat/completions','ollama',0,'completed',10,2,1,5,3,1,25,NULL,700,NULL,4,'stop
',NULL,4,X'76F43D52823AD5CC4F503133B16E08C19C42D604C0AE94D9D1A0BE45D9F865E1');
INSERT INTO "records" VALUES('req_01a1f8d3ea06eed01a37ff0ab04b',1795176000006,1795176000706,'ann',NULL,'','','adjustment','',1,'completed',0,0,0,0,0,0,-5,NULL,700,120,4,'stop','{"team":"blue"}',5,X'FDFD625B6426444A897E91C3B4E2655EF627CCDE39202D70D0D82FC741386044');
CREATE TABLE rollup_minutes (
	minute BIGINT NOT NULL, 
	user_id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	key_id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	requests BIGINT NOT NULL, 
	prompt_tokens BIGINT NOT NULL, 
	cached_tokens BIGINT NOT NULL, 
	cache_write_tokens BIGINT NOT NULL, 
	completion_tokens BIGINT NOT NULL, 
	reasoning_tokens BIGINT NOT NULL, 
	cost_micro BIGINT NOT NULL, 
	cost_rest BIGINT NOT NULL, 
	PRIMARY KEY (minute, user_id, model, key_id, status)
)
 WITHOUT ROWID

;
INSERT INTO "rollup_minutes" VALUES(1795176000000,'Zoë','llama3.2:1b','','completed',1,10,2,1,5,3,0,25);
INSERT INTO "rollup_minutes" VALUES(1795176000000,'ann','','','completed',0,0,0,0,0,0,-1,999995);
INSERT INTO "rollup_minutes" VALUES(1795176000000,'ann','llama3.2:1b','key_1','completed',3,30,6,3,15,9,12,1500000);
CREATE TABLE sessions (
	id TEXT NOT NULL, 
	user_id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	last_used_at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE users (
	user_id TEXT NOT NULL, 
	role TEXT NOT NULL, 
	status TEXT NOT NULL, 
	name TEXT, 
	created_at BIGINT NOT NULL, 
	password_hash TEXT, limits TEXT DEFAULT '{}' NOT NULL, 
	PRIMARY KEY (user_id)
);
INSERT INTO "users" VALUES('ann','user','active','Ann',1795176000000,'$argon2id$secret-hash','{"counts": {}, "max_concurrent_requests": null, "max_tokens_per_request": null, "allowed_models": null, "models": {}}');
CREATE UNIQUE INDEX users_whatever_case ON users (lower(user_id));
CREATE INDEX hourly_of_user ON hourly (user_id, hour);
CREATE UNIQUE INDEX records_by_seq ON records (seq);
CREATE INDEX records_of_user ON records (user_id, request_id);
CREATE INDEX records_of_model ON records (model, request_id);
CREATE INDEX records_not_completed ON records (status, request_id) WHERE status != 'completed';
COMMIT;
