# SPDX-License-Identifier: LGPL-2.1-or-later
"""The D-Bus face beside its jobs: the manager, pipelines, engines, and foreign clients."""

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

from dbustest import (
    NAME, OBJECT_MANAGER, PIPELINES, PROPERTIES, ROOT, DBusTest, Gio, GLib, error_name, iterate_until, pipeline,
    read_all,
)
from medleytest import PATIENCE, main


class Manager(DBusTest):
    def test_parameters_and_outputs(self):
        options = {"parameters": GLib.Variant("a{sv}", {"voice": GLib.Variant("s", "high"),
                                                        "pace": GLib.Variant("u", 5)}),
                   "outputs": GLib.Variant("as", ["captions"])}
        path = self.client.run("voice", {"text": "Ten letters in a sentence.\n"}, options)
        job = self.client.wait(path)
        self.assertEqual((job["State"], list(job["Outputs"])), ("done", ["captions"]), job)
        self.assertEqual(self.client.job(path, "Describe")[0]["parameters"], {"voice": "high", "pace": 5})

    def test_a_pipeline_in_the_call(self):
        text = json.dumps(dict(PIPELINES["echo.json"], name="mine"))
        path = self.client.run("", {"text": "x\n"}, {"pipeline-text": GLib.Variant("s", text)})
        job = self.client.wait(path)
        self.assertEqual((job["State"], job["Pipeline"]), ("done", "mine"), job)

    def test_refused_calls_are_typed(self):
        def options(**given):
            return {key: GLib.Variant(*value) for key, value in given.items()}

        def parameters(**given):
            return options(parameters=("a{sv}", {key: GLib.Variant(*value) for key, value in given.items()}))

        cases = [
            ("NotFound", 'did you mean "echo"', "ecko", {"text": "x"}, {}),
            ("UnknownInput", 'did you mean "text"', "echo", {"txt": "x"}, {}),
            ("UnknownOutput", "outt", "echo", {"text": "x"}, options(outputs=("as", ["outt"]))),
            ("InvalidArgument", 'did you mean "outputs"', "echo", {"text": "x"}, options(output=("as", ["out"]))),
            ("InvalidArgument", 'option "parameters" has D-Bus type s', "echo", {"text": "x"},
             options(parameters=("s", "x"))),
            ("InvalidArgument", "no pipeline is named", "", {"text": "x"}, {}),
            ("InvalidParameter", "voice", "voice", {"text": "x"}, parameters(voice=("s", "shrill"))),
            ("InvalidParameter", "pace", "voice", {"text": "x"}, parameters(pace=("i", 101))),
            ("InvalidParameter", "pase", "voice", {"text": "x"}, parameters(pase=("i", 1))),
            ("InvalidPipeline", "stagse", "broken", {}, {}),
        ]
        before = len(self.client.manager("ListJobs", "(a{sv}s)", {}, "")[0])
        for name, words, pipeline_name, inputs, given in cases:
            with self.subTest(words=words):
                self.assert_refused(name, words, self.client.run, pipeline_name, inputs, given)
        self.assertEqual(len(self.client.manager("ListJobs", "(a{sv}s)", {}, "")[0]), before)

    def test_all_faults_are_told(self):
        faulty = json.dumps({"medley": 1, "inputs": {"text": {"type": "text/plain"}},
                             "stages": {"a": {"task": "text-to-text/echo", "engine": "fakeeco", "from": "text"},
                                        "b": {"task": "text-to-text/echo", "engine": "fakeecho", "from": "txt"}},
                             "outputs": {"out": {"from": "b", "type": "text/plain"}}}, indent=1)
        valid, faults = self.client.manager("Validate", "(s)", faulty)
        self.assertFalse(valid)
        found = {fault["pointer"]: fault for fault in faults}
        self.assertEqual(found["/stages/a/engine"]["suggestion"], "fakeecho", faults)
        self.assertEqual(found["/stages/b/from"]["suggestion"], "text", faults)
        self.assertTrue(all(fault["line"] > 1 and fault["message"] for fault in faults))
        with self.assertRaises(GLib.Error) as raised:
            self.client.run("", {"text": "x"}, {"pipeline-text": GLib.Variant("s", faulty)})
        self.assertEqual(error_name(raised.exception), "org.medley.Error.InvalidPipeline")
        for fault in faults:
            self.assertIn(f"{fault['line']}:{fault['column']}: {fault['severity']}: {fault['message']}",
                          raised.exception.message)

    def test_validate(self):
        self.assertEqual(self.client.manager("Validate", "(s)", json.dumps(PIPELINES["echo.json"])), (True, []))
        for text in ("", "[" * 80000, "{", "null"):
            valid, faults = self.client.manager("Validate", "(s)", text)
            self.assertFalse(valid)
            self.assertEqual(len(faults), 1, faults)
        # Only a worker knows properties.
        wrong = json.dumps(pipeline("fakeslow", **{"delay-msec": 1}))
        valid, faults = self.client.manager("Validate", "(s)", wrong)
        self.assertEqual((valid, [f["code"] for f in faults]), (False, ["unknown-property"]), faults)

    def test_pipelines_are_saved_and_removed(self):
        text = json.dumps(dict(PIPELINES["echo.json"], name="kept", title="Kept"))
        self.assertEqual(self.client.manager("SavePipeline", "(ss)", "kept", text), (True,))
        self.assertEqual(self.client.manager("SavePipeline", "(ss)", "kept", text), (False,))
        job = self.client.wait(self.client.run("kept", {"text": "x\n"}, {}))
        self.assertEqual(job["State"], "done", job)
        for name, words, *call in (
            ("InvalidPipeline", "no input or stage", "SavePipeline", "(ss)", "torn", json.dumps(
                dict(PIPELINES["echo.json"], outputs={"o": {"from": "nothing", "type": "text/plain"}}))),
            ("InvalidPipeline", "", "SavePipeline", "(ss)", "torn", "{"),
            ("InvalidArgument", "letters", "SavePipeline", "(ss)", "../torn", text),
            ("InvalidArgument", "letters", "RemovePipeline", "(s)", "../../secret"),
            ("NotAllowed", "was installed", "RemovePipeline", "(s)", "speak"),
            ("NotFound", "torn", "RemovePipeline", "(s)", "torn"),
        ):
            with self.subTest(call=call):
                self.assert_refused(name, words, self.client.manager, *call)
        self.client.manager("RemovePipeline", "(s)", "kept")
        self.assert_refused("NotFound", "kept", self.client.run, "kept", {"text": "x"}, {})

    def test_status_and_version(self):
        status = self.client.manager("GetStatus")[0]
        self.assertEqual(status["faces"]["dbus"], "org.medley.Medley1 on the session bus")
        self.assertEqual(status["version"], self.client.get(ROOT, "Version", "org.medley.Manager1"))
        self.assertGreaterEqual(status["pipelines"], len(PIPELINES))
        self.assertIn("limits.text-bytes", [key["name"] for key in status["configuration"]])

    def test_without_a_cache_there_is_nothing_to_clear(self):
        self.assertIn("cache.bytes", self.client.manager("GetStatus")[0]["cache"]["off"])
        self.assert_refused("Unavailable", "cache.bytes", self.client.manager, "ClearCache")

    def test_filters_are_checked(self):
        def list_jobs(**filters):
            given = {key: GLib.Variant(*value) for key, value in filters.items()}
            return self.client.manager("ListJobs", "(a{sv}s)", given, "")

        self.assert_refused("InvalidArgument", 'did you mean "state"', list_jobs, stat=("s", "done"))
        self.assert_refused("InvalidArgument", 'there is no state "finished"', list_jobs, state=("s", "finished"))
        self.assert_refused("InvalidArgument", 'filter "limit" has D-Bus type i', list_jobs, limit=("i", 3))
        self.assert_refused("InvalidArgument", "from 1 to 1000", list_jobs, limit=("u", 0))
        path = self.client.run("voice", {"text": "x.\n"})
        self.client.wait(path)
        jobs, following = list_jobs(pipeline=("s", "voice"), state=("s", "done"))
        self.assertEqual(path.rpartition("/")[2], jobs[0]["id"])
        self.assertEqual({(job["pipeline"], job["state"]) for job in jobs}, {("voice", "done")})
        self.assertEqual(following, "")


class Catalogue(DBusTest):
    def test_pipelines_are_objects(self):
        objects = self.client.objects()
        echo = objects[f"{ROOT}/pipeline/slow_2decho"]["org.medley.Pipeline1"]
        self.assertEqual((echo["Name"], echo["Title"], echo["Valid"]), ("slow-echo", "Title of fakeslow", True))
        self.assertEqual(echo["Inputs"]["text"]["type"], "text/plain")
        self.assertEqual(echo["Outputs"]["out"]["type"], "text/plain")
        self.assertEqual(echo["Stages"], ["work"])
        self.assertTrue(echo["File"].endswith("/slow-echo.json"))
        voice = objects[f"{ROOT}/pipeline/voice"]["org.medley.Pipeline1"]
        self.assertEqual(voice["Parameters"]["voice"]["enum"], ["low", "high"])
        self.assertEqual(list(voice["Outputs"]), ["speech", "captions"])
        speak = objects[f"{ROOT}/pipeline/speak"]["org.medley.Pipeline1"]
        self.assertEqual(voice["Serves"], {})
        self.assertEqual(speak["Serves"]["audio/speech"]["inputs"], {"input": "text"})
        self.assertEqual(speak["Serves"]["audio/speech"]["values"]["voice"]["fable"], "en-gb+m4")
        broken = objects[f"{ROOT}/pipeline/broken"]["org.medley.Pipeline1"]
        self.assertFalse(broken["Valid"])
        self.assertIn("stages", [fault.get("suggestion") for fault in broken["Faults"]])

    def test_engines_are_objects(self):
        path = f"{ROOT}/engine/fakevoice"
        engine = self.client.objects()[path]["org.medley.Engine1"]
        self.assertEqual((engine["Name"], engine["Tasks"]), ("fakevoice", ["text-to-audio/speech"]))
        self.assertTrue(engine["Title"] and engine["Description"] and engine["Plugin"])
        self.assertTrue(any(pad.startswith("captions:") for pad in engine["Outputs"]), engine["Outputs"])
        properties = {p["name"]: p for p in self.client.call(path, "org.medley.Engine1", "GetProperties")[0]}
        self.assertEqual(properties["ms-per-character"]["default"], 20)
        voices = {v["name"] for v in self.client.call(path, "org.medley.Engine1", "ListVoices")[0]}
        self.assertEqual(voices, {"low", "high"})
        self.assertEqual(self.client.call(f"{ROOT}/engine/fakeecho", "org.medley.Engine1", "ListVoices"), ([],))

    def test_pipelines_come_change_and_go(self):
        added, removed, changed = [], [], []
        path = f"{ROOT}/pipeline/new_2done"
        file = self.daemon.folder / "config" / "medley" / "pipelines" / "new-one.json"
        self.client.subscribe(OBJECT_MANAGER, "InterfacesAdded", ROOT, added)
        self.client.subscribe(OBJECT_MANAGER, "InterfacesRemoved", ROOT, removed)
        self.client.subscribe(PROPERTIES, "PropertiesChanged", path, changed)
        file.write_text(json.dumps(pipeline("fakeecho")))
        iterate_until(lambda: any(a[0] == path for _, a in added), "not announced")
        file.write_text(json.dumps(dict(pipeline("fakeecho"), title="Changed")))
        iterate_until(lambda: any(c[1].get("Title") == "Changed" for _, c in changed), "change not announced")
        file.unlink()
        iterate_until(lambda: any(r[0] == path for _, r in removed), "not taken back")
        self.assertNotIn(path, self.client.objects())


class ForeignClients(DBusTest):
    def tool(self, *command, **options):
        return subprocess.run(
            list(map(str, command)), env=dict(os.environ, **self.bus.environment), capture_output=True,
            timeout=PATIENCE, **options,
        )

    def gdbus(self, path, method, *arguments, **options):
        return self.tool("gdbus", "call", "--session", "--dest", NAME, "--object-path", path, "--method", method,
                         *arguments, **options)

    def busctl(self, *arguments, **options):
        return self.tool("busctl", f"--address={self.bus.address}", *arguments, **options)

    def test_gdbus_runs_watches_and_cancels(self):
        monitor = subprocess.Popen(
            ["gdbus", "monitor", "--session", "--dest", NAME], env=dict(os.environ, **self.bus.environment),
            stdout=subprocess.PIPE, text=True,
        )
        try:
            for line in monitor.stdout:
                if "is owned by" in line:
                    break
            run = self.gdbus(ROOT, "org.medley.Manager1.Run", "endless", "{'text': <'again\\n'>}", "{}")
            self.assertEqual(run.returncode, 0, run.stderr)
            path = re.search(rb"objectpath '([^']+)'", run.stdout)[1].decode()
            self.client.wait(path, ("running",))
            cancel = self.gdbus(path, "org.medley.Job1.Cancel")
            self.assertEqual((cancel.returncode, cancel.stdout), (0, b"()\n"), cancel.stderr)
            seen = ""
            for line in monitor.stdout:
                seen += line
                if line.startswith(path) and "PropertiesChanged" in line and "'cancelled'" in line:
                    break
            self.assertIn(f"{path}: org.medley.Job1.Event", seen)
        finally:
            monitor.terminate()
            monitor.wait()
            monitor.stdout.close()
        refused = self.gdbus(ROOT, "org.medley.Manager1.Run", "ecko", "{}", "{}")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn(b"org.medley.Error.NotFound", refused.stderr)

    def test_gdbus_passes_a_descriptor(self):
        with tempfile.TemporaryFile() as file:
            file.write(b"From gdbus.\n")
            file.flush()
            file.seek(0)
            run = self.gdbus(ROOT, "org.medley.Manager1.RunStream", "echo", "0", "{}", stdin=file)
        self.assertEqual(run.returncode, 0, run.stderr)
        path = re.search(rb"objectpath '([^']+)'", run.stdout)[1].decode()
        self.assertEqual(self.client.wait(path)["State"], "done")
        self.assertEqual(read_all(self.client.open_output(path)[0]), b"From gdbus.\n")

    def test_busctl_runs_looks_and_cancels(self):
        run = self.busctl("call", NAME, ROOT, "org.medley.Manager1", "Run", "sa{sv}a{sv}", "endless", 1, "text", "s",
                          "x\n", 0)
        self.assertEqual(run.returncode, 0, run.stderr)
        path = re.match(rb'o "([^"]+)"', run.stdout)[1].decode()
        self.client.wait(path, ("running",))
        self.assertIn(path.encode(), self.busctl("tree", "--list", NAME).stdout)
        self.assertEqual(self.busctl("call", NAME, path, "org.medley.Job1", "Cancel").returncode, 0)
        self.client.wait(path)
        state = self.busctl("get-property", NAME, path, "org.medley.Job1", "State")
        self.assertEqual(state.stdout, b's "cancelled"\n', state.stderr)

    def test_what_is_installed_is_what_introspection_says(self):
        installed = Path(os.environ["MEDLEY_SOURCE_ROOT"], "data", "dbus", "org.medley.Medley1.xml").read_text()
        node = Gio.DBusNodeInfo.new_for_xml(installed)
        echo = self.client.run("echo", {"text": "x\n"})
        self.client.wait(echo)
        paths = {"org.medley.Manager1": ROOT, "org.medley.Job1": echo,
                 "org.medley.Pipeline1": f"{ROOT}/pipeline/echo", "org.medley.Engine1": f"{ROOT}/engine/fakeecho"}
        self.assertEqual({interface.name for interface in node.interfaces}, set(paths))
        for interface in node.interfaces:
            shown = self.busctl("introspect", "--no-legend", "--xml-interface", NAME, paths[interface.name])
            live = Gio.DBusNodeInfo.new_for_xml(shown.stdout.decode()).lookup_interface(interface.name)
            for kind in ("methods", "signals", "properties"):
                self.assertEqual([m.name for m in getattr(live, kind)], [m.name for m in getattr(interface, kind)])


class Suspensions(DBusTest):
    settings = ("jobs.attempts=1", "workers.circuit-crashes=1", "workers.circuit-time=5s")

    def engine(self, name):
        return self.client.objects()[f"{ROOT}/engine/{name}"]["org.medley.Engine1"]

    def test_a_suspended_engine_says_so(self):
        self.assertEqual((self.engine("fakecrash")["Suspended"], self.engine("fakecrash")["Suspension"]), (False, ""))
        self.assertEqual(self.client.wait(self.client.run("crash", {"text": "x\n"}))["State"], "failed")
        path = self.client.run("no-crash", {"text": "x\n"})
        engine = self.engine("fakecrash")
        self.assertTrue(engine["Suspended"])
        self.assertIn("suspended after 1 crash until", engine["Suspension"])
        self.assertFalse(self.engine("fakeecho")["Suspended"])
        self.assertEqual(self.client.wait(path)["State"], "done")
        self.assertEqual((self.engine("fakecrash")["Suspended"], self.engine("fakecrash")["Suspension"]), (False, ""))


class Cache(DBusTest):
    settings = ("cache.bytes=1MiB",)

    def test_events_tell_and_it_is_cleared(self):
        kinds = []
        for number in range(3):
            path = self.client.run("voice", {"text": "Said before.\n"})
            self.client.wait(path)
            events = self.client.job(path, "GetEvents", "(t)", 0)[0]
            kinds.append([e["kind"] for e in events if e["kind"].startswith("stage-re")])
            status = self.client.manager("GetStatus")[0]["cache"]
            if number == 0:
                iterate_until(lambda: self.client.manager("GetStatus")[0]["cache"]["entries"] == 2, "nothing was kept")
            elif number == 1:
                self.assertEqual((status["entries"], status["hits"], status["misses"]), (2, 1, 1))
                self.assertEqual(self.client.manager("ClearCache"), (2,))
                self.assertEqual(self.client.manager("GetStatus")[0]["cache"]["entries"], 0)
        self.assertEqual(kinds, [["stage-recorded"], ["stage-reused"], ["stage-recorded"]])


del DBusTest  # a base, not a test


if __name__ == "__main__":
    main()
