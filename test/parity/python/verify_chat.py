"""Chat templates as transformers renders them, against test/parity/data/chat/cases.json, which the tests hold specc to.

    pip install transformers==5.23.0
    python test/parity/python/verify_chat.py            # compares; --write makes the file anew

The templates are written for this test in the manners of families that people use: marked turns, headers, instructions in
brackets, tools as JSON, and what Jinja templates do besides (loops with state, macros, filters, exceptions, values printed as Python
prints them, loops that are broken off, white space of every kind).
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
    "system first, or a complaint": """{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- set first = messages[0]['content'] | trim + '\n\n' %}{%- set rest = messages[1:] %}
{%- else %}{%- set first = '' %}{%- set rest = messages %}{%- endif %}
{%- for message in rest %}
    {%- if (message['role'] in ['user', 'tool']) != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Conversation roles must alternate, ' ~ message['role'] ~ ' at ' ~ loop.index0 ~ ': ' ~ (loop.index0 % 2 == 0)) }}
    {%- endif %}
    {%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}
    {{- '<turn>' + role + '\n' + (first if loop.first else '') }}
    {%- if message['content'] is string %}{{- message['content'] | trim }}
    {%- elif message['content'] is iterable %}
        {%- for item in message['content'] %}{{- item['text'] | trim if item['type'] == 'text' else '<' ~ item['type'] ~ '>' }}{%- endfor %}
    {%- endif %}
    {{- '</turn>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<turn>model\n' }}{%- endif %}""",
    "printed as Python prints": """{{ messages }}
{{ tools }} {{ documents }} {{ add_generation_prompt }} {{ [1, 2.0, none, true, 'it\\'s', "q\\"", "é\n\t\u200b日"] }}
{{ {'a': {'b': [], 'c': {}}} }} {{ 1.0 }} {{ 0.1 + 0.2 }} {{ 1000000.0 * 10000000000.0 }} {{ 1 / 30000 }} {{ 7 // 2 }} {{ -7 % 3 }} {{ -7 // 2 }} {{ 2 ** 3 }} {{ 4 / 2 }}
{{ 'a' ~ 1 ~ none ~ true ~ 1.5 ~ [1] }} {{ [1, true, none, 1.5, 'x'] | join(',') }} {{ missing }}|{{ messages[0].missing }}|{{ none | default('d') }}|{{ missing | default('d') }}
{{ '1' == 1 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ [1, {'a': 2}] == [1, {'a': 2}] }} {{ none == false }} {{ (1, 2) }} {{ '👩 é' | length }}""",
    "loops broken off": """{%- for m in messages %}[{{ loop.index }}{% if m.role == 'system' %} skipped{% continue %}{% endif %} {{ m.role }}
{%- for c in [1, 2, 3] %}{{ c }}{% if c == 2 %}!{% break %}{% endif %},{% endfor %}
{%- if m.role == 'assistant' %} last{% break %}{% endif %}]{% endfor -%}""",
    "white space": """a
  {% if true %}
  b
  {% endif %}
  c {%- if true %}

 d{% endif %}
  {#- comment -#}  e

\t{{- ' g ' -}}
 h
{# c #}
 {%- for m in messages -%}
   {{ m.role }}
   {%- if not loop.last %}, {% endif -%}
 {%- endfor %}

i

""",
    "blocks that catch": """{% macro turn(role, text='', end=eos_token) %}<{{ role }}>{{ text | trim }}{{ end }}{% endmacro %}
{% set head %}{% for m in messages if m.role == 'system' %}{{ turn('sys', m.content, end='') }}{% else %}none{% endfor %}{% endset %}
{{ head | upper }}{% filter upper %}x{{ 'y' }}{% endfilter %}{% macro box() %}[{{ caller() }}]{% endmacro %}{% call box() %}in {{ turn('a') }}{% endcall %}
{% set ns = namespace(text='', seen=[]) %}{% for m in messages %}{% set ns.text = ns.text ~ turn(m.role, m.content if m.content is string else '') %}{% set ns.seen = ns.seen + [m.role] %}{% endfor %}
{{ ns.text }}{{ ns.seen | join('/') }}{{ ns.seen | unique | list | length }}""",
    "thoughts under any name": """{% for m in messages %}{{ m.role }}:{% generation %}{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{% if m.content is defined %}{{ m.content }}{% else %}-{% endif %}{% endgeneration %}
{% endfor %}""",
    "tools in words": """{% if tools %}{% for t in tools %}{% set f = t.function %}def {{ f.name }}({% for name, p in f.parameters.properties.items() %}{{ name }}: {{ p.type if p.type is string else p.type | join(' | ') }}{% if name in f.parameters.required %}!{% endif %}{% if not loop.last %}, {% endif %}{% endfor %}): {{ f.description }}
{{ f.parameters | tojson(indent=2) }}
{{ f.parameters | tojson(separators=(',', ':'), sort_keys=true) }}{% endfor %}{% endif %}
{%- for m in messages %}{% if m.tool_calls is defined and m.tool_calls %}
{%- for c in m.tool_calls %}{{ c.function.name }}:{% for k, v in c.function.arguments | items %} {{ k }}={{ v if v is string else v | tojson }}{% endfor %} {{ c.function.arguments | tojson | length }}{% endfor %}
{%- elif m.role == 'tool' %}<result>{{ m.content }}</result>{% endif %}{% endfor %}""",
    "cut and changed": """{% for m in messages if m.content is string %}{{ m.content.split('?')[0].strip().upper() }}|{{ m.content[:4] }}|{{ m.content[-3:] }}|{{ m.content[::-1][:3] }}|{{ m.content.replace('2', 'two', 1) }}|{{ m.content.startswith((' ', '<')) }}|{{ m.content.lstrip() }}|{{ m.content | title }}|{{ m.content.title() }}|{{ m.content.strip() | capitalize }}|{{ m.content | replace('\n', ' ') }}|{{ 'What' in m.content }}
{% endfor %}{{ messages | map(attribute='role') | join(', ') }} {{ (messages | last).role }} {{ messages | rejectattr('role', 'equalto', 'user') | list | length }} {{ messages[-1]['role'] }}""",
    "a date, if there is a clock": """{% if strftime_now is defined %}{% set year = strftime_now('%Y') | int %}{{ year > 2024 }}{{ strftime_now('%d %b %Y') | length }}{% endif %}
{%- if date_string is not defined %} 26 Jul 2024{% endif %}""",
    "what divides by zero": """{{ messages | length / (messages | length - 1) }}""",
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
    "parts": [{"role": "user", "content": [{"type": "text", "text": " Look: "}, {"type": "image"}]}, {"role": "assistant", "content": "", "reasoning": "é"}],
}
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {"b": {"type": "number"}, "a": {"type": ["number", "null"], "enum": [1, None, True]}}, "required": ["b"]}}}]


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
            if chat in ("call", "parts") and template in ("marked turns", "headers", "instructions"):
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
