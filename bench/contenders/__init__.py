"""Who is measured.

contender.py      Contender, Running      what each is: installed, started, seen to check keys as is said of it
installed.py                              how the ordinary clients install peers below the cache
pins.py           PINS                    their versions
nginx.py          Nginx                   the floor
rust_router.py    RustRouter              a balancer in Rust that comes as a Python package
sglang_router.py  SglangRouter
vllm_router.py    VllmRouter
smg.py            Smg
portkey.py        Portkey
recording.py      Recording, post         one whose records are counted in its SQLite database, set up by its own API
litellm_rs.py     LiteLLMRs
one_api.py        OneApi
mlflow.py         MLflow
litellm.py        LiteLLM
tollkeeper.py     Tollkeeper, House       with everything on; variants
"""
