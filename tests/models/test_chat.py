"""weft chat: at a terminal, and through a pipe.

The terminal is a pseudo-terminal with a size; keys are sent as a user types them.
"""

import json
import signal
import stat
import unittest

from pty_runs import Terminal
from weft_runs import BIN, PARIS, PARIS_ANSWER, WeftTest, model

STORY = "Write a long story about a dragon."
STORY_BEGINS = "Once upon a time"
CTRL_C, CTRL_D, BACKSPACE, LEFT, UP = "\x03", "\x04", "\x7f", "\x1b[D", "\x1b[A"


class ChatTest(WeftTest):
    def setUp(self):
        super().setUp()
        self.state = self.scratch / "state"

    def chat(self, *flags, columns=80, **variables):
        """A chat at a terminal, at its first prompt."""
        environment = self.environment(XDG_STATE_HOME=str(self.state), HOME=str(self.scratch),
                                       **variables)
        command = [str(BIN), "chat", "-m", str(model()), *map(str, flags)]
        terminal = Terminal(command, environment, columns=columns)
        self.addCleanup(terminal.close)
        terminal.expect("Ctrl-D leaves")
        terminal.expect("> ")
        return terminal

    def say(self, terminal, message):
        """Sends a line; gives what is shown up to the next prompt."""
        terminal.send(message + "\r")
        terminal.expect("\n")
        return terminal.expect("\n> ")

    def leave(self, terminal):
        terminal.send(CTRL_D)
        self.assertEqual(terminal.wait(), 0, terminal.text())


class AtATerminal(ChatTest):
    def test_the_second_answer_knows_the_first_message(self):
        chat = self.chat("-n", 24)
        self.say(chat, "The secret word is banana.")
        self.assertIn("banana", self.say(chat, "What is the secret word?"))
        self.say(chat, "/reset")
        self.assertNotIn("banana", self.say(chat, "What is the secret word?"))
        self.leave(chat)

    def test_an_interrupt_stops_the_answer_and_not_the_program(self):
        chat = self.chat()
        chat.send(STORY + "\r")
        chat.expect(STORY_BEGINS)
        chat.send(CTRL_C)
        chat.expect("\n> ")
        self.assertIn("2 messages", self.say(chat, "/stats"))
        self.say(chat, "/reset")
        self.assertIn(PARIS_ANSWER, self.say(chat, PARIS))
        self.leave(chat)

    def test_an_interrupt_stops_a_long_prompt_and_the_message_is_forgotten(self):
        chat = self.chat("--chunk", 8)
        chat.send("\x1b[200~" + "many words and " * 400 + "\x1b[201~\r")
        chat.expect("reading the prompt")
        chat.send(CTRL_C)
        chat.expect("the message is forgotten")
        chat.expect("\n> ")
        self.assertIn("0 messages", self.say(chat, "/stats"))
        self.assertIn(PARIS_ANSWER, self.say(chat, PARIS))
        self.leave(chat)

    def test_an_interrupt_at_the_prompt_clears_the_line(self):
        chat = self.chat()
        chat.send("never sent")
        chat.expect("never sent")
        chat.send(CTRL_C)
        chat.expect("Ctrl-D or /exit leaves")
        chat.expect("> ")
        chat.send("also not \\\r")
        chat.expect("... ")
        chat.program.send_signal(signal.SIGINT)
        chat.expect("Ctrl-D or /exit leaves")
        chat.expect("> ")
        self.assertIn(PARIS_ANSWER, self.say(chat, PARIS))
        self.assertIn("2 messages", self.say(chat, "/stats"))
        self.leave(chat)

    def test_commands_answer_and_wrong_ones_say_so(self):
        chat = self.chat()
        self.assertIn("Ctrl-C", self.say(chat, "/help"))
        self.assertIn("there is no command /nonsense", self.say(chat, "/nonsense"))
        self.assertIn("/reset takes nothing", self.say(chat, "/reset now"))
        self.assertIn("none yet", self.say(chat, "/stats"))
        self.say(chat, PARIS)
        stats = self.say(chat, "/stats")
        for part in ("2 messages", "of 2048 positions", "nodes on cpu", "peak RSS"):
            self.assertIn(part, stats)
        chat.send("/exit\r")
        self.assertEqual(chat.wait(), 0)

    def test_settings_are_listed_and_changed_and_bad_values_refused(self):
        chat = self.chat("--temp", 0.5)
        settings = self.say(chat, "/set")
        for name in ("temperature     0.5", "top-k", "top-p", "min-p", "repeat-penalty", "seed",
                     "max-tokens      1024", "system          none"):
            self.assertIn(name, settings)
        self.assertIn("temperature 0", self.say(chat, "/set temperature=0"))
        self.assertIn("max-tokens 3", self.say(chat, "/set max-tokens 3"))
        self.assertIn("cut at max-tokens, 3", self.say(chat, PARIS))
        self.assertIn("not '7'", self.say(chat, "/set top-p 7"))
        self.assertIn("a whole number", self.say(chat, "/set top-k many"))
        self.assertIn("there is no setting 'mood'", self.say(chat, "/set mood good"))
        self.assertIn('system "Be brief."', self.say(chat, "/set system Be brief."))
        self.assertIn("system none", self.say(chat, "/set system none"))
        self.leave(chat)

    def test_a_paste_of_many_lines_is_one_message(self):
        chat = self.chat("-n", 8)
        chat.send("\x1b[200~first line\rsecond line\r\nthird\x1b[201~")
        chat.expect("third")
        self.say(chat, " and more")
        self.assertIn("2 messages", self.say(chat, "/stats"))
        self.leave(chat)
        history = (self.state / "weft" / "chat_history").read_text()
        self.assertEqual(history.splitlines()[0], r"first line\nsecond line\nthird and more")

    def test_lines_go_on_behind_a_backslash_and_within_quotes(self):
        chat = self.chat("-n", 4)
        chat.send("one \\\r")
        chat.expect("... ")
        self.say(chat, "two")
        chat.send('"""\r')
        chat.expect("... ")
        chat.send("/three\r")
        chat.expect("... ")
        self.say(chat, 'four"""')
        self.assertIn("4 messages", self.say(chat, "/stats"))
        self.leave(chat)

    def test_backspace_takes_a_whole_character_away(self):
        chat = self.chat("-n", 1, LANG="C")
        chat.send("naé" + BACKSPACE + "ï日本" + LEFT + BACKSPACE + "ve 😀")
        chat.expect("😀")
        self.say(chat, "")
        self.leave(chat)
        history = (self.state / "weft" / "chat_history").read_text(encoding="utf-8")
        self.assertEqual(history.splitlines()[0], "naïve 😀本")

    def test_a_new_size_redraws_the_line(self):
        chat = self.chat("-n", 1)
        chat.send("w" * 60)
        chat.expect("w" * 60)
        chat.resize(40, 24)
        chat.expect("> " + "w" * 38)
        chat.send("END")
        chat.expect("END")
        self.say(chat, "")
        self.leave(chat)
        history = (self.state / "weft" / "chat_history").read_text()
        self.assertEqual(history.splitlines()[0], "w" * 60 + "END")

    def test_history_is_private_comes_back_and_can_be_left_out(self):
        chat = self.chat("-n", 1)
        self.say(chat, "remember \\ this")
        self.leave(chat)
        file = self.state / "weft" / "chat_history"
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(file.parent.stat().st_mode), 0o700)
        chat = self.chat("-n", 1)
        chat.send(UP)
        chat.expect("remember \\ this")
        self.leave_by_interrupt(chat)
        before = file.read_text()
        chat = self.chat("-n", 1, "--no-history")
        self.say(chat, "a secret")
        self.leave(chat)
        self.assertEqual(file.read_text(), before)

    def leave_by_interrupt(self, chat):
        chat.send(CTRL_C)
        chat.expect("> ")
        self.leave(chat)

    def test_colours_stay_away_when_they_are_not_wanted(self):
        with_colour, without = self.chat(), self.chat(NO_COLOR="1")
        for chat in (with_colour, without):
            self.leave(chat)
        self.assertIn(b"\x1b[1m", with_colour.raw)
        self.assertNotIn(b"\x1b[1m", without.raw)
        self.assertNotIn(b"\x1b[2m", without.raw)

    def test_a_full_context_is_said_and_reset_helps(self):
        chat = self.chat("-c", 64)
        self.assertIn("the context is full (64 positions)", self.say(chat, STORY))
        self.assertIn("the context is full: the conversation", self.say(chat, PARIS))
        self.say(chat, "/reset")
        self.assertIn(PARIS_ANSWER, self.say(chat, PARIS))
        self.say(chat, "/reset")
        self.assertIn("the message has", self.say(chat, "word " * 70))
        self.leave(chat)

    def test_a_terminal_that_goes_away_ends_the_program(self):
        chat = self.chat()
        chat.program.send_signal(signal.SIGTERM)
        self.assertEqual(chat.wait(), -signal.SIGTERM)


class ThroughAPipe(ChatTest):
    def pipe(self, text, *flags):
        return self.weft("chat", "-m", model(), *flags, input=text,
                         variables={"XDG_STATE_HOME": str(self.state)})

    def test_each_line_is_a_message_and_stdout_holds_the_answers(self):
        run = self.pipe(f"{PARIS}\n\n{PARIS}")
        self.assertEqual(run.code, 0, run)
        self.assertEqual(run.out.splitlines()[0], PARIS_ANSWER, run)
        self.assertNotIn("\x1b", run.out)
        self.assertEqual(run.err, "", run)
        self.assertFalse(self.state.exists())

    def test_the_cache_is_reused_and_answers_do_not_depend_on_it(self):
        lines = f"{PARIS}\nAnd of Italy?\n"
        run = self.pipe(lines, "--json")
        first, second = map(json.loads, run.out.splitlines())
        self.assertEqual(first["text"], PARIS_ANSWER)
        self.assertEqual(first["reused_tokens"], 0)
        self.assertGreaterEqual(second["reused_tokens"],
                                first["prompt_tokens"] + len(first["output_ids"]) - 1)
        self.assertLess(second["reused_tokens"], second["prompt_tokens"])
        # The same conversation, fed from its beginning by a changed system message and back.
        changed = self.pipe(f"{PARIS}\n/set system Hello.\n/set system none\nAnd of Italy?\n",
                            "--json")
        self.assertEqual(json.loads(changed.out.splitlines()[1])["output_ids"],
                         second["output_ids"])

    def test_messages_of_many_lines_and_commands_work_as_typed(self):
        run = self.pipe(f'"""\n{PARIS}\n"""\n/stats\n/exit\nnever read\n')
        self.assertEqual((run.code, run.out), (0, PARIS_ANSWER + "\n"), run)
        self.assertIn("2 messages", run.err)

    def test_the_first_failure_ends_it(self):
        run = self.pipe(f"/nonsense\n{PARIS}\n")
        self.assert_refused(run, 2, "there is no command /nonsense")
        run = self.pipe("word " * 100, "-c", 64)
        self.assert_refused(run, 2, "the message has", "64")
        run = self.pipe('"""\nnever closed\n')
        self.assert_refused(run, 2, '"""')

    def test_wrong_flags_are_refused_before_anything_is_loaded(self):
        self.assert_refused(self.pipe("", "--top-p", "7"), 2, "top_p")
        self.assert_refused(self.weft("chat", "-m", self.scratch / "nowhere", input=""), 2,
                            "nowhere")
        (self.scratch / "model.onnx").write_bytes((model() / "model.onnx").read_bytes())
        run = self.weft("chat", "-m", self.scratch, input=PARIS)
        self.assertIn(run.code, (2, 3), run)
        self.assertIn("tokenizer.json", run.err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
