# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Many pods: all are told, and memory is that of one object and of what is known of each."""

import threading

from kubeclient import object_of
from kubeprobe import Probe

PODS = 5000
WRITERS = 4
ANNOTATION = 4000  # bytes that nobody wants


def make_pods(plane, namespace):
    def make(first):
        client = plane.client_with(token=plane.tokens["admin"])
        for number in range(first, PODS, WRITERS):
            spec = {"containers": [{"name": "main", "image": "example.org/main"}], "nodeName": f"node-{number % 100}"}
            client.create(object_of("Pod", f"pod-{number}", spec, namespace, labels={"app": f"a{number % 10}"},
                                    annotations={"example.org/note": "x" * ANNOTATION}))
        client.close()

    threads = [threading.Thread(target=make, args=(first,)) for first in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_five_thousand_pods_are_told_once_within_bounded_memory(plane, admin, namespace):
    make_pods(plane, namespace)
    fields = f"metadata.namespace={namespace}"
    with Probe(plane.kubeconfig(), "follow", kind="Pod", fields=fields) as probe:
        probe.wait(120, event="synced")
        names = {line["name"] for line in probe.all("added")}
        status = probe.ask()
        admin.make_pod(namespace, "last")
        probe.wait(event="added", name="last")
    assert names == {f"pod-{number}" for number in range(PODS)}
    assert (status["objects"], status["lists"], status["failures"]) == (PODS, 1, 0)
    assert status["pages"] in (PODS // 500, PODS // 500 + 1)
    print(f"peak: {status['peak_bytes']} bytes")
    # The list has some 30 MB; what is kept is below 200 bytes a pod, and a page of it is never held.
    assert status["peak_bytes"] < 4_000_000
