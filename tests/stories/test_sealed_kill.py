"""kill -9 of the gateway, and of the seal, in the midst of calls: afterwards every number that the seal gave is on record once."""

import random
import time
from contextlib import ExitStack

import msgspec
from tests.cheats.sealed import ORIGIN, SEAL, Stage, finding, seal_text, sealed_terms
from tests.gateway.process import free_port, served
from tests.gateway.running import HEAD, running, upstream_text
from tests.seal.sealing import make_folder, running_seal
from tests.stories.test_kill import PLAY, under_load

from caveat.facts import Caller
from caveat.gateway.home.defaults import default_text
from caveat.gateway.home.directory import create
from caveat.gateway.house.callers import secret_digest
from caveat.gateway.scripted import server as scripted
from caveat.register import CallerKey


def test_gateway_and_seal_are_killed_and_the_count_is_whole(tmp_path):
    rng = random.Random(7)
    home, _ = create(tmp_path / "home", default_text(ORIGIN))
    with ExitStack() as stack:
        model = stack.enter_context(scripted.serve(PLAY))
        address = f"127.0.0.1:{free_port()}"
        folder = make_folder(tmp_path / "seal", seal_text(home, model.address).replace("127.0.0.1:0", address), SEAL)
        text = HEAD + upstream_text(
            f"http://{address}", seal=f'{{ vkey = "{SEAL.verify_key.text}" }}', fall_back_on="[]"
        )
        home.settings_file.write_text(text)
        with running(home.path, text, sample=False) as gateway:
            gateway.adopt(sealed_terms(home))
            person = Caller(id="sample-caller", purpose="drafting", clearance_rank=4, language="en")
            key = CallerKey("caller", secret_digest(gateway.caller_key), person, sample=True)
            gateway.run(gateway.house.add_key(msgspec.json.encode(key)))
            secret = gateway.caller_key
        for victim in ("gateway", "seal", "both"):
            with (
                running_seal(folder) as seal,
                served(home.path) as process,
                under_load(process.url, secret, rng, 1.5),
            ):
                if victim != "gateway":
                    seal.process.kill()
                if victim != "seal":
                    process.kill()
                time.sleep(0.5)
        with running_seal(folder) as seal, running(home.path, text, sample=False) as gateway:
            stage = Stage(gateway, model, folder, stack)
            stage.seal = seal
            stage.settled()
            stage.calls(1).settled()
            stage.collect()
            report = stage.report(profile="audit")
            assert report.verified, "\n".join(report.sentences())
            step = finding(report)
            assert step.outcome == "proved", step
            (beat,) = gateway.house.view.register.meters.values()
            assert beat.total > 20
            assert beat.boot == 4
