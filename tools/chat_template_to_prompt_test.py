#!/usr/bin/env python3
"""Tests chat_template_to_prompt.py. Needs jinja2; passes over everything where it is not installed."""

import importlib.util
import sys
import unittest

HAS_JINJA = importlib.util.find_spec("jinja2") is not None
if HAS_JINJA:
    import chat_template_to_prompt as tool

QUERY = "messages[-2].content"
DOCUMENT = "messages[-1].content"


@unittest.skipUnless(HAS_JINJA, "jinja2 is not installed")
class ToPrompt(unittest.TestCase):
    def made(self, text, **variables):
        return tool.prompt_of(text, variables)

    def refusal(self, text):
        with self.assertRaises(tool.Refused) as refused:
            self.made(text)
        return str(refused.exception)

    def test_texts_become_marks(self):
        self.assertEqual(self.made("{q: {{ %s }}\nd: {{ %s }}}\n" % (QUERY, DOCUMENT)),
                         {"prompt": "{{q: {query}\nd: {document}}}"})

    def test_default_and_optional_instruction(self):
        system = "(messages | selectattr('role', 'eq', 'system') | map(attribute='content') | first)"
        self.assertEqual(self.made("{{ %s | default('Find.') }} {{ %s }}\nD: {{ %s }}" % (system, QUERY, DOCUMENT)),
                         {"prompt": "{instruction} {query}\nD: {document}", "default_instruction": "Find."})
        self.assertEqual(self.made("{%% if messages[0].role == 'system' %%}do {{ messages[0].content }}: {%% endif %%}"
                                   "{{ %s }} d: {{ %s }}" % (QUERY, DOCUMENT)),
                         {"prompt": "{if instruction}do {instruction}: {end}{query} d: {document}"})

    def test_variables(self):
        text = "{{ %s }} d: {{ %s }}{%% if add_generation_prompt %%}<a>{%% endif %%}" % (QUERY, DOCUMENT)
        self.assertEqual(self.made(text, add_generation_prompt=True)["prompt"], "{query} d: {document}<a>")
        self.assertEqual(self.made(text)["prompt"], "{query} d: {document}")

    def test_refusals(self):
        self.assertIn("changes", self.refusal("{{ %s | trim }} {{ %s }}" % (QUERY, DOCUMENT)))
        self.assertIn("occurs 2 times", self.refusal("{{ %s }} {{ %s }} {{ %s }}" % (QUERY, QUERY, DOCUMENT)))
        self.assertIn("depends", self.refusal("{%% if %s %%}a{%% endif %%}{{ %s }} {{ %s }}" % (QUERY, QUERY, DOCUMENT)))
        self.assertIn("does not occur", self.refusal("{{ messages[0].content }}"))
        self.assertIn("cannot be rendered", self.refusal("{{ raise_exception('no pairs') }}"))
        for between in ("", " ", "\n", "\n\n d", "\nd", "\u00e4 d"):
            self.assertIn("no place between", self.refusal(("{{ %s }}" + between + "{{ %s }}") % (QUERY, DOCUMENT)))
        self.assertIn("no place between", self.refusal("{{ %s }}{%% if messages[0].role == 'system' %%} to {{ "
                                                       "messages[0].content }}{%% endif %%}{{ %s }}" % (QUERY, DOCUMENT)))
        for between in (" d: ", ".\nd: ", "d\n"):
            self.assertIn("{document}", self.made(("{{ %s }}" + between + "{{ %s }}") % (DOCUMENT, QUERY))["prompt"])

    def test_answers(self):
        self.assertEqual([tool.answer(value) for value in ("9454", "yes", "word:1")], [9454, "yes", "1"])


if __name__ == "__main__":
    sys.exit(unittest.main())
