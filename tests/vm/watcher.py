# SPDX-License-Identifier: Apache-2.0
"""The program watch (see watch.c), run as an ordinary user, and what it prints."""
import os
import re
import subprocess
import threading
import time

PATIENCE = 60  # seconds; an emulated machine on a busy one is slow, and its clock may run fast


class Watcher:
    def __init__(self, program, groups, environment):
        command = ['setpriv', '--reuid=65534', '--regid=65534', '--groups=' + groups, '--no-new-privs', program]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, env=dict(os.environ, **environment))
        self.lines = []
        self.news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.expect('^ready', 0)

    def _read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line.rstrip('\n'))
                self.news.notify_all()

    def now(self):
        """A mark: what is printed from here on."""
        with self.news:
            return len(self.lines)

    def since(self, mark, pattern):
        with self.news:
            return [line for line in self.lines[mark:] if re.search(pattern, line)]

    def expect(self, pattern, mark, times=1, seconds=PATIENCE):
        """The lines of this pattern since the mark, once there are so many; after a while None."""
        end = time.monotonic() + seconds
        while True:
            found = self.since(mark, pattern)
            if len(found) >= times:
                return found
            if self.process.poll() is not None or time.monotonic() > end:
                return None
            with self.news:
                self.news.wait(0.2)

    def ask(self, command, answer):
        mark = self.now()
        self.process.stdin.write(command + '\n')
        self.process.stdin.flush()
        found = self.expect(answer, mark)
        return found[0] if found else ''

    def play(self, line):
        mark = self.now()
        self.ask('play ' + line, '^(played|error)')
        return mark

    def stop(self):
        return self.ask('stop', '^stopped')

    def stats(self):
        """name → number, or text."""
        line = self.ask('stats', '^stats')
        return {name: int(value) if value.isdigit() else value
                for name, value in re.findall(r'([a-z-]+)=\(\w+\)("[^"]*"|[^,;]*)', line)}

    def own(self):
        return self.ask('own', '^own')

    def end(self):
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def last(self, count=8):
        with self.news:
            return self.lines[-count:]


def field(line, name):
    match = re.search(r'\b' + name + r'=(\S+)', line)
    return match.group(1) if match else ''
