"""Fields of requests: the names of those that the gateway knows (its own, OpenAI's and Ollama's)."""

from __future__ import annotations

from tollkeeper.wire.strict_json import names

_SAMPLING = names(
    "frequency_penalty keep_alive logit_bias logprobs max_completion_tokens max_tokens metadata model n options"
    " presence_penalty response_format safety_identifier seed stop store stream stream_options temperature top_logprobs"
    " top_p user"
)
CHAT_FIELDS = _SAMPLING | names(
    "audio function_call functions messages modalities parallel_tool_calls prediction reasoning reasoning_effort"
    " service_tier think tool_choice tools verbosity web_search_options"
)
COMPLETION_FIELDS = _SAMPLING | names("best_of echo prompt suffix")
EMBEDDING_FIELDS = names("dimensions encoding_format input keep_alive model options truncate user")
STREAM_OPTIONS = names("include_obfuscation include_usage")
OPTIONS = names(
    "frequency_penalty main_gpu min_p num_batch num_ctx num_gpu num_keep num_predict num_thread presence_penalty"
    " repeat_last_n repeat_penalty seed stop temperature top_k top_p typical_p use_mmap"
)
MESSAGE_FIELDS = names(
    "audio content function_call images name reasoning reasoning_content refusal role thinking tool_call_id tool_calls"
)
PART_FIELDS = names("file image_url input_audio refusal text type")
IMAGE_URL = names("detail url")
