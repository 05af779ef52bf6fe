"""What one worker has spent of its leases, in a file of its own that outlives even a kill -9."""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

_SUFFIX = ".mm"
_SLOT = 256
_NUMBERS = 6
_NAME = 8 * _NUMBERS
_LONGEST_NAME = _SLOT - _NAME
_PER_PAGE = 1024
"""Slots that the file grows by: 256 KiB."""

_BEGUN, _SPENT, _SETTLED, _INTENDED, _EXPECTED, _INTENDING = range(_NUMBERS)


class Slot:
    """The counters of one account, in memory that the kernel writes to the file.

    Shape: units are `begun` once they count whatever becomes of their worker: of a key, when the answer leaves that
        they were reserved for; of a project, when the request is granted. They are `spent` (all there ever were) once
        it has ended; `settled` is how much of that the store knows of. What is only reserved dies with its worker.
    Why: what is in memory shared with a file survives the process without a system call per request.
    """

    __slots__ = ("_at", "_numbers")

    def __init__(self, numbers: memoryview, at: int) -> None:
        self._numbers = numbers
        self._at = at

    def begin(self, amount: int) -> None:
        """Take note that so much counts from now on."""
        self._numbers[self._at + _BEGUN] += amount

    def end(self, begun: int, spent: int) -> None:
        """Say what a begun answer has cost in the end; 0 refunds it."""
        # A crash between the two counts it twice, which never lets in too many.
        self._numbers[self._at + _SPENT] += spent
        self._numbers[self._at + _BEGUN] -= begun

    @property
    def begun(self) -> int:
        """Units that count and have not ended."""
        return self._numbers[self._at + _BEGUN]

    @property
    def spent(self) -> int:
        """Units spent, all there ever were."""
        return self._numbers[self._at + _SPENT]

    @property
    def settled(self) -> int:
        """Units spent that the store knows of."""
        return self._numbers[self._at + _SETTLED]

    @property
    def unsettled(self) -> int:
        """Units spent that the store does not know of."""
        return self._numbers[self._at + _SPENT] - self._numbers[self._at + _SETTLED]

    def intend(self, leased_after: int) -> int:
        """Take note of a settlement that is about to be asked of the store; return how much it settles."""
        numbers, at = self._numbers, self._at
        numbers[at + _INTENDED] = numbers[at + _SPENT]
        numbers[at + _EXPECTED] = leased_after
        numbers[at + _INTENDING] = 1
        return numbers[at + _INTENDED] - numbers[at + _SETTLED]

    def settle(self) -> None:
        """Take note that the store has settled what was intended."""
        self._numbers[self._at + _SETTLED] = self._numbers[self._at + _INTENDED]
        self._numbers[self._at + _INTENDING] = 0

    def resolve(self, leased: int) -> bool:
        """Find out what became of a settlement without an answer, by what the store still has on lease.

        Why: every settlement changes what is on lease, and only this holder changes its own, one thing at a time.
        """
        numbers, at = self._numbers, self._at
        done = numbers[at + _INTENDING] == 1 and numbers[at + _EXPECTED] == leased
        if done:
            self.settle()
        numbers[at + _INTENDING] = 0
        return done

    def bury(self) -> None:
        """Take what was begun as spent: its worker died."""
        self.end(self.begun, self.begun)


class Spending:
    """The file of one holder of leases; locked as long as its process lives.

    Shape: `holder` is the name the store knows the leases by, and the file's.
    Errors: BlockingIOError when another process has it; OSError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.holder = path.stem
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._pages: list[tuple[mmap.mmap, memoryview]] = []
        self._free: list[tuple[int, int]] = []
        self._places: dict[str, tuple[int, int]] = {}
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            size = os.fstat(self._file).st_size
            if not _is_still(path, self._file):
                raise BlockingIOError(f"{path} was just removed by another process")
        except OSError:
            os.close(self._file)
            raise
        for _ in range(size // (_PER_PAGE * _SLOT)):
            self._map()

    @classmethod
    def new(cls, folder: Path) -> Spending:
        """Open a file for a new holder: a name that no other has had, on any machine."""
        machine = "".join(letter if letter.isalnum() else "-" for letter in socket.gethostname())[:40]
        while True:
            # Until it is locked, another process may take a new file for one that was left behind.
            with contextlib.suppress(BlockingIOError):
                return cls(folder / f"{machine}-{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}")

    def slot(self, account: str) -> Slot:
        """Return the counters of an account, all zero when it is new."""
        place = self._places.get(account)
        if place is None:
            if not self._free:
                # Written and not only made longer: on a full disk this fails here, and not at some store to memory.
                os.pwrite(self._file, bytes(_PER_PAGE * _SLOT), len(self._pages) * _PER_PAGE * _SLOT)
                self._map()
            place = self._places[account] = self._free.pop()
            self._write(place, account.encode())
        return self._at(place)

    def accounts(self) -> Iterator[tuple[str, Slot]]:
        """Yield every account and its counters."""
        for account, place in list(self._places.items()):
            yield account, self._at(place)

    def forget(self, account: str) -> None:
        """Free the counters of an account."""
        place = self._places.pop(account)
        self._write(place, b"")
        self._free.append(place)

    def remove(self) -> None:
        """Delete the file: everything in it has been settled."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file; where it was not removed, it stays for whoever settles it."""
        for page, numbers in self._pages:
            numbers.release()
            page.close()
        self._pages.clear()
        os.close(self._file)

    def _map(self) -> None:
        index = len(self._pages)
        page = mmap.mmap(self._file, _PER_PAGE * _SLOT, offset=index * _PER_PAGE * _SLOT)
        self._pages.append((page, memoryview(page).cast("q")))
        for number in reversed(range(_PER_PAGE)):
            name = page[number * _SLOT + _NAME : (number + 1) * _SLOT].rstrip(b"\0")
            if name:
                self._places[name.decode()] = (index, number)
            else:
                self._free.append((index, number))

    def _at(self, place: tuple[int, int]) -> Slot:
        return Slot(self._pages[place[0]][1], place[1] * _SLOT // 8)

    def _write(self, place: tuple[int, int], name: bytes) -> None:
        if len(name) > _LONGEST_NAME:
            raise ValueError(f"the name of an account is longer than {_LONGEST_NAME} bytes: {name!r}")
        page, start = self._pages[place[0]][0], place[1] * _SLOT
        # Counters first: a slot with a name and another account's counters must never be seen.
        page[start : start + _NAME] = bytes(_NAME)
        page[start + _NAME : start + _SLOT] = name.ljust(_LONGEST_NAME, b"\0")


def left_behind(folder: Path) -> Iterator[Spending]:
    """Yield the files of holders whose process is gone; each is locked for whoever iterates."""
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        # Its process lives, or another one is settling it.
        with contextlib.suppress(BlockingIOError):
            yield Spending(path)


def _is_still(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False
