#!/usr/bin/env python3
"""Runs the steps of a well-known Face API notebook, in its order, with `facepipe azure`.

    scripts/check_azure.py                     # against a server of this machine, with drawn photos
    scripts/check_azure.py --photos DIR --test IMAGE...   # against the resource of the environment

The notebook makes a group and looks at it, adds a person with a photo, enrols a folder of persons,
trains, and asks who is on other photos. Then come the operations of the how-to that goes with it:
verify, find-similar in a large face list, group. With `--photos` (a folder a person) the resource of
FACEPIPE_AZURE_ENDPOINT and FACEPIPE_AZURE_KEY is called: that is billed, and photos leave the machine.
Whatever is made there is called `facepipe-check...` and is deleted at the end, also after an error.

The program is built without libtorch, or given with `--facepipe`. Exits with 1 at the first step whose
answer is not the expected one.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
GROUP, EXERCISE, LIST = "facepipe-check", "facepipe-check-exercise", "facepipe-check-list"


class Azure:
    """Runs `facepipe azure` and counts its steps and calls."""

    def __init__(self, program, environment, folder):
        self.program, self.environment, self.folder = program, environment, folder
        self.steps = self.transactions = 0

    def run(self, *arguments):
        command = [self.program, "azure", *map(str, arguments), "--json"]
        return subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False
        )

    def step(self, words, *arguments):
        """An operation that must succeed; gives its answer."""
        done = self.run(*arguments)
        if done.returncode != 0:
            sys.exit(f"FAILED {words}\n{done.stderr}")
        report = json.loads(done.stdout)
        self.tell(words, report["transactions"], arguments)
        return report.get("answer", report)

    def refused(self, words, code, *arguments):
        """An operation that must be refused with a code."""
        done = self.run(*arguments)
        if done.returncode != 1 or code not in done.stderr:
            sys.exit(f"FAILED {words}: no {code}\n{done.stdout}{done.stderr}")
        self.tell(words, 1, arguments)

    def tell(self, words, transactions, arguments):
        self.steps += 1
        self.transactions += transactions
        shown = " ".join(pathlib.Path(str(argument)).name for argument in arguments[:4])
        print(f"ok {self.steps:2}  {words:<58} azure {shown}")


def expect(condition, words):
    if not condition:
        sys.exit(f"FAILED {words}")


def notebook(azure, training, test):
    """The notebook's steps; returns nothing, ends the program at the first wrong answer."""
    persons = sorted(folder.name for folder in training.iterdir() if folder.is_dir())
    photo = next(file for file in sorted((training / persons[0]).iterdir()) if file.is_file())
    model = ("--recognition-model", "recognition_04")
    in_group = ("--group", GROUP)

    azure.step("the resource answers", "whoami")
    azure.step("make the database", "large-person-group", "create", GROUP, *model)
    groups = azure.step("list all databases", "large-person-group", "list")
    own = [group for group in groups if group["largePersonGroupId"] == GROUP]
    expect(own and own[0]["recognitionModel"] == "recognition_04", f"it is listed: {groups}")
    azure.refused(
        "it is not trained yet: 404", "LargePersonGroupNotTrained",
        "large-person-group", "status", GROUP,
    )
    person = azure.step("make a person", "person", "create", "ada", *in_group)["personId"]
    listed = azure.step("list the persons", "person", "list", *in_group)
    expect([entry["personId"] for entry in listed] == [person], f"one person: {listed}")
    azure.step(
        "add a photo's face", "person", "face", "add", person, photo, *in_group,
        "--detection-model", "detection_02",
    )
    shown = azure.step("the person has a face", "person", "get", person, *in_group)
    expect(len(shown["persistedFaceIds"]) == 1, f"one face: {shown}")

    report = azure.step("enrol the folder of persons", "enroll", training, "--group", EXERCISE, *model)
    expect(report["persons"]["created"] == len(persons), f"all persons: {report}")
    added = report["photos"]["added"]
    again = azure.step("enrol it again: nothing twice", "enroll", training, "--group", EXERCISE, *model)
    expect(again["photos"]["added"] == 0 and again["persons"]["created"] == 0, f"nothing: {again}")
    expect(again["photos"]["already_there"] == added, f"all is there: {again}")
    listed = azure.step("list the persons", "person", "list", "--group", EXERCISE)
    expect(sorted(entry["name"] for entry in listed) == persons, f"by name: {listed}")
    azure.step("train", "large-person-group", "train", EXERCISE, "--wait")
    status = azure.step("the training has succeeded: 200", "large-person-group", "status", EXERCISE)
    expect(status["status"] == "succeeded", f"status: {status}")

    found = azure.step(
        "detect the faces of other photos", "detect", *test, "--face-id-life", "600", "--landmarks"
    )
    faces = [face["face_id"] for image in found for face in image["faces"]]
    expect(faces, f"faces: {found}")
    named = azure.step("who is it? (by face id)", "identify", "--face-id", faces[0], "--group", EXERCISE)
    expect(len(named) == 1, f"an answer: {named}")
    photos = azure.step("who is it? (by photo)", "identify", *test, "--group", EXERCISE)
    shown = azure.step(
        "who is it, surely?", "identify", test[0], "--group", EXERCISE,
        "--candidates", "5", "--min-confidence", "0.6",
    )
    expect(len(shown) == 1 and "faces" in shown[0], f"one photo: {shown}")
    names = {face["name"] for image in photos for face in image["faces"]}
    expect(names <= {*persons, "unknown"} and names != {"unknown"}, f"names: {photos}")
    member = listed[0]["personId"]
    answer = azure.step(
        "verify a face and a person", "verify", faces[0], "--person", member, "--group", EXERCISE
    )
    expect(0 <= answer["confidence"] <= 1, f"confidence: {answer}")
    howto(azure, faces, photo)
    return names


def howto(azure, faces, photo):
    """The operations of the how-to."""
    if len(faces) > 1:
        answer = azure.step("verify two faces", "verify", faces[0], faces[1])
        expect(0 <= answer["confidence"] <= 1, f"confidence: {answer}")
        answer = azure.step("sort faces into groups", "group", *faces)
        expect("messyGroup" in answer, f"groups: {answer}")
    azure.step("make a large face list", "large-face-list", "create", LIST)
    azure.step("add a face to it", "large-face-list", "face", "add", LIST, photo)
    azure.step("train it", "large-face-list", "train", LIST, "--wait")
    azure.step(
        "find similar faces in it", "find-similar", faces[0], "--large-face-list", LIST,
        "--candidates", "3", "--mode", "matchPerson",
    )
    if len(faces) > 1:
        azure.step("find similar faces among others", "find-similar", faces[0], "--among", faces[1])
    azure.step("change its name", "large-face-list", "update", LIST, "--name", "Known faces")
    shown = azure.step("look at it", "large-face-list", "get", LIST)
    expect(shown["name"] == "Known faces", f"name: {shown}")


def clean(azure):
    for kind, name in [
        ("large-person-group", GROUP), ("large-person-group", EXERCISE), ("large-face-list", LIST),
    ]:
        azure.run(kind, "delete", name)


def built(example):
    """Builds the program and, where there is no resource, the server."""
    command = ["cargo", "build", "--quiet", "--no-default-features", "--bin", "facepipe"]
    if example:
        command += ["--example", "azure_server"]
    subprocess.run(command, cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
    return target / "facepipe", target / "examples" / "azure_server"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--facepipe", help="the program to run")
    parser.add_argument("--photos", type=pathlib.Path, help="a folder a person, for the real service")
    parser.add_argument("--test", type=pathlib.Path, nargs="+", help="photos of some of them")
    arguments = parser.parse_args()
    is_real = arguments.photos is not None
    if is_real and not arguments.test:
        parser.error("--photos needs --test")
    program, server = built(example=not is_real)
    environment = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if is_real:
            training = arguments.photos.resolve()
            test = [file.resolve() for file in arguments.test]
        else:
            running = subprocess.Popen(
                [server, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            resource = json.loads(running.stdout.readline())
            environment["FACEPIPE_AZURE_ENDPOINT"] = resource["endpoint"]
            environment["FACEPIPE_AZURE_KEY"] = resource["key"]
            environment["FACEPIPE_AZURE_TIER"] = "s0"
            training, test = folder / "training", sorted((folder / "test").iterdir())
        azure = Azure(arguments.facepipe or program, environment, folder)
        try:
            names = notebook(azure, training, test)
        finally:
            clean(azure)
            if not is_real:
                running.stdin.close()
                running.wait()
        print(f"{azure.steps} steps, {azure.transactions} transactions; seen: {', '.join(sorted(names))}")


if __name__ == "__main__":
    main()
