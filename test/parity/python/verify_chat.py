"""Chat templates as transformers renders them, against test/parity/data/chat/cases.json, which the tests hold specc to.

    pip install transformers==5.23.0
    python test/parity/python/verify_chat.py            # compares; --write makes the file anew

The templates are written for this test in the manners of families that people use: marked turns, headers, instructions in
brackets, tools as JSON, and what Jinja templates do besides (loops with state, macros, filters, exceptions).
"""

import json
import sys
import tempfile

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from common import DATA, check, finish

CASES = DATA / "chat" / "cases.json"

TEMPLATES = {
    "marked turns": """{%- if messages[0]['role'] != 'system' -%}
<|im_start|>system
You are helpful.<|im_end|>
{% endif -%}
{% for message in messages %}<|im_start|>{{ message['role'] }}
{{ message['content'] }}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}""",
    "headers": """{{ bos_token }}
{%- for message in messages %}
    {{- '<|start|>' + message.role + '<|end|>\\n\\n' }}
    {{- message.content | trim }}{{ eos_token }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start|>assistant<|end|>\\n\\n' }}{%- endif %}""",
    "instructions": """{%- if messages[0].role == 'system' -%}
{%- set system = messages[0].content -%}{%- set loop_messages = messages[1:] -%}
{%- else -%}{%- set system = '' -%}{%- set loop_messages = messages -%}{%- endif -%}
{{ bos_token }}{% for m in loop_messages -%}
{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}
{%- if m.role == 'user' %} [INST] {{ (system ~ '\\n\\n' if loop.first and system else '') ~ m.content }} [/INST]
{%- else %} {{ m.content }}{{ eos_token }}{% endif %}
{%- endfor %}""",
    "tools and thoughts": """{%- macro block(name, body) -%}<{{ name }}>{{ body }}</{{ name }}>{%- endmacro -%}
{%- if tools %}{{ block('tools', tools | tojson) }}{% endif %}
{%- set ns = namespace(last=-1) -%}
{%- for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor -%}
{%- for m in messages %}
{%- set content = m.content if m.content is string else '' -%}
{%- if m.role == 'assistant' and '</think>' in content and loop.index0 < ns.last -%}
{%- set content = content.split('</think>')[-1].lstrip('\\n') -%}
{%- endif %}
{{ m.role | upper }}: {{ content }}
{%- for call in m.tool_calls or [] %} {{ block('call', {'name': call.function.name, 'arguments': call.function.arguments} | tojson) }}{% endfor %}
{%- endfor %}
{% generation %}{{ 'A:' if add_generation_prompt else '' }}{% endgeneration %}""",
    "what is absent, what is last": """{% if tools is none %}no tools{% elif tools is not none %}{{ tools | length }} tools{% endif %}
{%- if documents is defined and documents is none %}, no documents{% endif %}
{%- set users = messages | selectattr('role', 'equalto', 'user') | list %}, {{ users | length }} of {{ messages | length }}
{%- for m in messages[::-1] %}{% set at = messages | length - 1 - loop.index0 %}
{%- if m.role == 'system' %}{% continue %}{% endif %}
{%- if m.content is string and m.content.strip().startswith('What') %}{% break %}{% endif %} {{ at }}{{ m.get('name', '-') }}{% endfor %}
{%- for t in tools or [] %}
{{ t.function | tojson(indent=4) }}
{%- endfor %}
{%- for key, value in {'b': 1, 'a': 'x'}.items() %}|{{ key }}={{ value }}{% endfor %}""",
}
USER = {"role": "user", "content": "  What is 2 + 2? <é> \"quoted\" "}
ANSWER = {"role": "assistant", "content": "<think>\nhm\n</think>\n\n4"}
CHATS = {
    "one": [USER],
    "system": [{"role": "system", "content": "Be brief."}, USER, ANSWER, {"role": "user", "content": "And 日本?\n"}],
    "call": [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 2, "b": 2}}}]},
        {"role": "tool", "content": "4"},
    ],
    "twice": [USER, USER],
}
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {}}}}]


def render(source, messages, tools, prompt):
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.BPE()), bos_token="<s>", eos_token="</s>", chat_template=source
    )
    try:
        return tokenizer.apply_chat_template(messages, tools=tools, tokenize=False, add_generation_prompt=prompt)
    except Exception as error:  # the template's own complaint
        return {"error": str(error)}


def main():
    cases = []
    for template, source in TEMPLATES.items():
        for chat, messages in CHATS.items():
            if chat == "call" and template not in ("tools and thoughts", "what is absent, what is last"):
                continue
            for prompt in (True, False):
                tools = TOOLS if chat == "call" else None
                text = render(source, messages, tools, prompt)
                cases.append({"template": template, "chat": chat, "add_generation_prompt": prompt, "tools": tools is not None, "text": text})
    made = {"tokens": {"bos_token": "<s>", "eos_token": "</s>"}, "templates": TEMPLATES, "chats": CHATS, "tools": TOOLS, "cases": cases}
    if "--write" in sys.argv:
        CASES.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n")
    kept = json.loads(CASES.read_text())
    for mine, theirs in zip(kept["cases"], cases, strict=True):
        check(f"{mine['template']}, {mine['chat']}, {mine['add_generation_prompt']}", mine == theirs)
    finish()


main()
