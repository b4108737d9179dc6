#!/usr/bin/env python3
"""The Helm chart of deploy/, rendered by Helm in many ways: Kubernetes' schemas take what comes out, and the program the
arguments in it. Run by run.sh, which installs what it needs."""

import os
import pathlib
import subprocess
import unittest

import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = str(ROOT / "deploy/helm/rerank")
VERSIONS = ("1.27", "1.37")
OF_OTHERS = {"PodMonitor", "ScaledObject"}  # no schemas in Kubernetes itself


def helm(*arguments):
    return subprocess.run(["helm", *arguments], capture_output=True, text=True, check=False)


def rendered(*values, release="release"):
    """The resources by their kind."""
    sets = [word for value in values for word in ("--set", value)]
    done = helm("template", release, CHART, "--namespace", "texts", *sets)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return {resource["kind"]: resource for resource in yaml.safe_load_all(done.stdout) if resource}


def pod(resources):
    return resources["Deployment"]["spec"]["template"]["spec"]


class Chart(unittest.TestCase):
    def test_lint(self):
        done = helm("lint", "--strict", CHART)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_schemas_take_all_of_it(self):
        for values in (
                [],
                ["gpus=2"],
                ["gpus=1", "resources=null"],
                ["resources.limits.cpu=1500m", "apiKeySecret=5", "modelsClaim=6"],
                ["autoscaling.hpa=true"],
                ["autoscaling.keda=true", "podMonitor=true"],
                ["networkPolicy=true"],
                ["nodeSelector.zone=1a", "tolerations[0].key=gpu", "tolerations[0].operator=Exists"]):
            for resource in rendered(*values, release="123").values():
                for version in VERSIONS:
                    with self.subTest(values=values, kind=resource["kind"], version=version):
                        if resource["kind"] not in OF_OTHERS:
                            kubernetes_validate.validate(resource, version, strict=True)

    def test_what_is_asked_for_is_there(self):
        self.assertEqual(set(rendered()), {"Deployment", "Service", "PodDisruptionBudget"})
        grown = rendered("autoscaling.keda=true", "podMonitor=true", "gpus=2", "resources.limits.cpu=4")
        self.assertLessEqual(OF_OTHERS, set(grown))
        self.assertNotIn("replicas", grown["Deployment"]["spec"])
        (container,) = pod(grown)["containers"]
        self.assertEqual(container["resources"]["limits"], {"cpu": 4, "memory": "8Gi", "nvidia.com/gpu": 2})
        both = helm("template", "release", CHART, "--set", "autoscaling.keda=true,autoscaling.hpa=true")
        self.assertIn("choose hpa or keda", both.stderr)

    def test_nothing_may_be_reached_from_a_pod_that_says_so(self):
        policy = rendered("networkPolicy=true")["NetworkPolicy"]["spec"]
        self.assertEqual(policy["egress"], [])
        self.assertEqual(policy["policyTypes"], ["Ingress", "Egress"])
        self.assertEqual(policy["podSelector"]["matchLabels"],
                         rendered("networkPolicy=true")["Deployment"]["spec"]["selector"]["matchLabels"])

    def test_drain_ends_before_the_pod_is_killed(self):
        resources = rendered("shutdownDelaySeconds=7", "drainSeconds=100")
        self.assertGreater(pod(resources)["terminationGracePeriodSeconds"], 107)

    def test_the_program_takes_the_arguments(self):
        resources = rendered("flags={--max-model-len,1024}", "dtype=float32", "shutdownDelaySeconds=7",
                             "drainSeconds=100")
        (container,) = pod(resources)["containers"]
        environment = {**os.environ, "ENV_FILE": "/dev/null", "RERANK_CONFIG": "/dev/null"}
        done = subprocess.run([os.environ["RERANK_PROGRAM"], "config", "serve", *container["args"]],
                              capture_output=True, text=True, check=False, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines() if len(line.split()) > 2}
        for key, value in (("model_path", "demo"), ("shutdown_delay", "7"), ("drain_timeout", "100"),
                           ("max_model_len", "1024"), ("dtype", "float32"), ("log_format", "json")):
            self.assertEqual(shown[key], value)


if __name__ == "__main__":
    unittest.main(verbosity=2)
