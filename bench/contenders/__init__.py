"""Who is measured.

contender.py      Contender, Running      what each is: installed, started, seen to check keys as is said of it
installed.py                              how the ordinary clients install peers below the cache
pins.py           PINS                    their versions
nginx.py          Nginx                   the floor
sglang_router.py  SglangRouter
litellm.py        LiteLLM
litellm_rs.py     LiteLLMRs
portkey.py        Portkey
tollkeeper.py     Tollkeeper, House       with everything on; variants
"""
