# The two commands are `make run` and `make test`; each does its own set-up. `make` alone prints this help.
SHELL := /bin/sh
PORT ?= 8911
MACHINE := bench/machine
SCRIPTS := bench/machine/prepare bench/machine/enter bench/machine/python bench/machine/pesq .ci/run

# Many tests hold real processes to real time: on a busy machine one may be starved. What failed is run once more, alone,
# and both outcomes stand in the output; what fails alone has failed.
AGAIN = { echo "run once more, alone:"; .venv/bin/pytest --last-failed --last-failed-no-failures none; }

# What is the kernel's on a unit (WireGuard) is a process on the bench; for figures of milliseconds it goes before all else.
FIRST = $$(chrt -r 1 true 2> /dev/null && echo chrt -r 1)

.PHONY: bench-verdicts help run test test-kills check pytest bench bench-failover bench-audio bench-replug bench-call bench-voice bench-power lock packages
help:  ## print this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

LOCKED := -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url
lock:  ## write requirements.lock, and the lab's, anew from pyproject.toml
	uv pip compile $(LOCKED) --extra dev pyproject.toml -o requirements.lock
	uv pip compile $(LOCKED) --no-deps --group lab -o tests/lab/requirements.lock

packages:
	@$(MACHINE)/prepare $(MACHINE)/packages.txt > .packages && $(MACHINE)/enter --online "$$(cat .packages)" $(MACHINE)/python

check: packages  ## ruff, mypy --strict, shellcheck
	@$(MACHINE)/enter --online "$$(cat .packages)" sh -c '.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && shellcheck $(SCRIPTS)'

test: check pytest  ## check, then every test

pytest: packages
	@$(MACHINE)/prepare $(MACHINE)/packages.txt $(MACHINE)/packages-test.txt > .packages-test
	@$(MACHINE)/enter "$$(cat .packages-test)" sh -c '.venv/bin/pytest -n 2 --dist loadgroup $(ARGS) || $(AGAIN)'

run: packages  ## the whole unit on twins; open the page it prints (PORT=8911)
	@exec $$(.venv/bin/python -c "" 2> /dev/null || echo $(MACHINE)/enter --online "$$(cat .packages)") .venv/bin/python -m bench --port $(PORT) $(ARGS)

bench-failover: packages  ## how long traffic stops: the unit, NetworkManager alone, a mwan3-like tracker (ARGS="--runs 20 --who unit"); results/failover.json
	@$(FIRST) $(MACHINE)/enter "$$(cat .packages)" .venv/bin/python -m tests.bench.failover $(ARGS)

.PHONY: week
week:  ## a simulated week of a wired uplink with losses and bursts: never left (ARGS="--seed 7 --days 7")
	@.venv/bin/python -m tests.firmware.failover.week $(ARGS)

.PHONY: bench-responder
bench-responder:  ## probes a second one responder process of the hub answers (ARGS="--seconds 5"); results/responder.json
	@.venv/bin/python -m tests.bench.responder $(ARGS)

.PHONY: bench-uplinks
bench-uplinks: packages  ## CPU and LTE bytes of the idle uplinks service with three uplinks (ARGS="--seconds 180"); results/uplinks_cost.json
	@$(FIRST) $(MACHINE)/enter "$$(cat .packages)" .venv/bin/python -m tests.bench.uplinks_cost $(ARGS)

bench-audio: packages  ## peak limit, delay to the ear, mute latency to the bus and to the panel's pins, proof and lies on a real sound server (ARGS="--presses 200"); results/audio.json
	@$(MACHINE)/enter "$$(cat .packages)" sh -c '.venv/bin/python -m tests.bench.limiter && .venv/bin/python -m tests.bench.delay && .venv/bin/python -m tests.bench.mute_lamp && .venv/bin/python -m tests.bench.audio $(ARGS)'

bench-replug: packages  ## the headset out of a call and in again (ARGS="--cycles 200"); results/replug.json
	@$(MACHINE)/enter "$$(cat .packages)" .venv/bin/python -m tests.bench.replug $(ARGS)

bench-verdicts: packages  ## how soon the verdict tells of each single fault, and of its end (ARGS="--only power"); results/verdicts.json
	@$(MACHINE)/enter "$$(cat .packages)" .venv/bin/python -m tests.bench.verdicts $(ARGS)

bench-call: packages  ## a 5-minute call while the uplinks fail, and what calls cost (ARGS="--seconds 60"; --no-faults: the long run); results/call.json
	@$(MACHINE)/enter --online "$$(cat .packages)" $(MACHINE)/pesq
	@$(MACHINE)/enter "$$(cat .packages)" sh -c '.venv/bin/python -m tests.bench.call_idle && .venv/bin/python -m tests.bench.call $(ARGS)'

bench: packages  ## press to spool and console, memory, idle CPU (ARGS="--presses 100"), and how soon the verdict tells of each fault
	@$(MACHINE)/enter "$$(cat .packages)" sh -c '.venv/bin/python -m tests.bench.whole_unit $(ARGS) && .venv/bin/python -m tests.bench.verdicts'

test-kills: packages  ## 2,000 random kills and faults while PANIC is pressed
	@HDU_KILLS=2000 $(MACHINE)/enter "$$(cat .packages)" .venv/bin/pytest -s tests/bench/test_kills.py

bench-voice: packages  ## 50 packets a second through every fault of an uplink (ARGS="--runs 20"); results/voice_plane.json
	@$(FIRST) $(MACHINE)/enter "$$(cat .packages)" .venv/bin/python -m tests.bench.voice_plane $(ARGS)

.PHONY: bench-voice-kernel
bench-voice-kernel: packages  ## the same with the kernel's WireGuard and NetworkManager's mirror, in QEMU (ARGS="--runs 3"); results/voice_kernel.json
	@.venv/bin/python -m tests.lab.kernel_bench $(ARGS)

.PHONY: bench-boot
bench-boot: packages  ## what our services add to the boot of the image, in QEMU, with the critical chain (ARGS="--runs 2"); results/boot.json
	@.venv/bin/python -m tests.lab.boot_bench $(ARGS)

.PHONY: bench-flash
bench-flash:  ## hdu flash against dd to a file-backed disk (ARGS="--megabytes 200 --rounds 3 --image card.img"); results/flash.json
	@$(FIRST) .venv/bin/python -m tests.bench.flash_speed $(ARGS)

bench-power: packages  ## minutes left on five batteries, and 100,000 random power histories (ARGS="2000 7": count, seed); results/power_*.json
	@.venv/bin/python -m bench.power_minutes
	@.venv/bin/python -m bench.power_histories $(ARGS)
.PHONY: broken-once
broken-once:  ## breaks what decides (checks, verdict, power policy) once at a time: does a test notice? (ARGS="--only policy")
	@.venv/bin/python -m tests.bench.broken_once $(ARGS)

.PHONY: mutations
mutations: packages  ## mutated update metadata, roll-outs, site files, bundles and their manifests, 100,000 of each (ARGS="--tries 1000 --only bundles")
	@$(MACHINE)/prepare $(MACHINE)/packages.txt $(MACHINE)/packages-test.txt > .packages-test
	@$(MACHINE)/enter "$$(cat .packages-test)" .venv/bin/python -m tests.hub.updates.mutations $(ARGS)

.PHONY: bench-fleet
bench-fleet:  ## 10,000 units polling a static server; 2,000 units in a roll-out that fails on 5 %; results/fleet.json
	@.venv/bin/python -m tests.bench.fleet $(ARGS)

.PHONY: bench-technician
bench-technician: packages  ## docs/technician.md walked as it stands: a blank card to an accepted unit; results/technician.json
	@$(MACHINE)/enter "$$(cat .packages)" .venv/bin/python -m tests.bench.technician $(ARGS)

.PHONY: mutations-provisioning
mutations-provisioning:  ## mutated answers, site files, requests, grants, by hand and on a card: 25,000 of each (ARGS="--tries 1000")
	@.venv/bin/python -m tests.hdu.provision.mutations $(ARGS)

.PHONY: image
image: packages  ## the unit's image from Debian packages: a flashable card and its SBOM (ARGS="--to hdu.img.zst")
	@.venv/bin/python -m hdu.cli image build $(ARGS)

.PHONY: test-image
test-image: packages  ## the boot loader's choices, and the image booted, updated and broken in QEMU; long (ARGS="--again tests/lab/test_boot_choice.py")
	@.venv/bin/python -m tests.lab $(ARGS)
