"""Writes goldens.json: templates, their variables and what Jinja2 makes of them.

The environment is the one chat templates are written for: immutable sandbox, trim_blocks and
lstrip_blocks, loop controls, a {% generation %} tag, tojson as plain json.dumps. Needs Jinja2 3.1.6.
Run from this folder: python make_goldens.py
"""
import datetime
import json
import pathlib

import jinja2
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

from feature_cases import CASES, DATA

NOW = datetime.datetime(2024, 7, 26, 12, 0, 0)


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_keep"), [], [], body).set_lineno(line)

    def _keep(self, caller):
        return caller()


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                      sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


ENV = environment()
DEFAULTS = {"messages": [], "add_generation_prompt": True, "tools": None, "documents": None}


def render(template, context):
    """{"text": ...} or {"error": True}: the wording of errors is this engine's own."""
    try:
        return {"text": ENV.from_string(template).render(**{**DEFAULTS, **context})}
    except Exception:
        return {"error": True}


TOOLS = [
    {"type": "function", "function": {
        "name": "get_weather", "description": "Current weather of a \"city\" (°C).",
        "parameters": {"type": "object", "properties": {
            "city": {"type": "string", "description": "Name,\nas spoken"},
            "days": {"type": ["integer", "null"]},
            "tags": {"type": "array", "items": {"type": "string"}, "description": "<b> & 'x'"}},
            "required": ["city"]}, "return": {"type": "number"}}},
    {"type": "function", "function": {
        "name": "now", "description": "", "parameters": {"type": "object", "properties": {},
                                                         "required": []}}},
]
USER = {"role": "user", "content": "  Hi there! "}
ANSWER = {"role": "assistant", "content": "Hello.\n"}
SYSTEM = {"role": "system", "content": "Be brief; say 你好."}
CALL = {"role": "assistant", "content": None, "tool_calls": [
    {"id": "abcdef123", "type": "function",
     "function": {"name": "get_weather", "arguments": {"city": "Zürich", "days": 2, "x": [1.0, None]}}}]}
RESULT = {"role": "tool", "content": "21.5", "tool_call_id": "abcdef123", "name": "get_weather"}
THOUGHT = {"role": "assistant", "content": "<think>\nhm\n</think>\n\nYes."}
PARTS = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": " what is it? "}]}
CONVERSATIONS = [
    [USER], [SYSTEM, USER], [USER, ANSWER, USER], [SYSTEM, USER, ANSWER, USER, ANSWER],
    [USER, CALL, RESULT], [SYSTEM, USER, CALL, RESULT, RESULT, ANSWER, USER], [ANSWER, USER],
    [USER, THOUGHT, USER], [USER, THOUGHT], [PARTS], [SYSTEM], [],
]
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
VARIANTS = [
    {}, {"add_generation_prompt": False}, {"tools": TOOLS},
    {"tools": TOOLS, "enable_thinking": False, "tools_in_user_message": False,
     "documents": [{"text": "A."}, {"text": "B."}], "controls": {"length": "short"}},
]


def main():
    features = [{"template": t, "expect": render(t, DATA)} for t in CASES]
    models = []
    for path in sorted(pathlib.Path(".").glob("*.jinja")):
        for i, messages in enumerate(CONVERSATIONS):
            for j, variant in enumerate(VARIANTS):
                context = {"messages": messages, **TOKENS, **variant}
                models.append({"file": path.name, "conversation": i, "variant": j,
                               "expect": render(path.read_text(), context)})

    def lines(values):
        return "[\n" + ",\n".join(json.dumps(v, ensure_ascii=False) for v in values) + "\n]"

    parts = {"data": json.dumps(DATA, ensure_ascii=False), "tokens": json.dumps(TOKENS),
             "conversations": lines(CONVERSATIONS), "variants": lines(VARIANTS),
             "features": lines(features), "models": lines(models)}
    text = ",\n".join(f'"{name}": {value}' for name, value in parts.items())
    pathlib.Path("goldens.json").write_text("{\n" + text + "\n}\n")
    errors = sum("error" in case["expect"] for case in features + models)
    print(f"{len(features)} + {len(models)} cases, {errors} of them errors")


if __name__ == "__main__":
    main()
