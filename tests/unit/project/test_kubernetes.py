"""The manifests are valid for Kubernetes and KEDA, and run every stage with its own rights."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from agents.cli.board import PORT
from agents.config.keys import Keys
from agents.config.settings import Settings, WebAddress
from agents.runtime.http.health import LIVE_SECONDS
from agents.runtime.process import STOP_SECONDS
from events.access import ROLES
from events.topics import STAGES
from tests.support.tables import Rows, every

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "deploy" / "kubernetes"
VERSION = "1.34"
Manifest = dict[str, Any]


def _loaded(path: Path) -> list[Manifest]:
    return [document for document in yaml.load_all(path.read_text(), yaml.CSafeLoader) if document is not None]


FILES = {path.relative_to(FOLDER).as_posix(): _loaded(path) for path in sorted(FOLDER.rglob("*.yaml"))}
MANIFESTS = [(name, document) for name, documents in FILES.items() for document in documents]
ENVIRONMENT: dict[str, str] = FILES["config.yaml"][0]["data"]
OF_OTHERS = ("keda.sh/", "monitoring.coreos.com/", "kustomize.config.k8s.io/")
OWN = [(name, each) for name, each in MANIFESTS if not each["apiVersion"].startswith(OF_OTHERS)]
DEPLOYMENTS = {stage: FILES[f"stages/{stage}.yaml"][0] for stage in STAGES}
SCALED = [each for _, each in MANIFESTS if each["kind"] == "ScaledObject"]

# keda.sh/docs: the fields of a ScaledObject, and of its kafka trigger
SPEC = {
    *("scaleTargetRef", "pollingInterval", "initialCooldownPeriod", "cooldownPeriod", "idleReplicaCount"),
    *("minReplicaCount", "maxReplicaCount", "fallback", "advanced", "triggers"),
}
TRIGGER = {"type", "name", "metadata", "authenticationRef", "metricType", "useCachedMetrics"}
KAFKA_NEEDS = {"bootstrapServers", "consumerGroup", "topic"}
KAFKA = KAFKA_NEEDS | {
    *("lagThreshold", "activationLagThreshold", "offsetResetPolicy", "allowIdleConsumers", "version"),
    *("scaleToZeroOnInvalidOffset", "excludePersistentLag", "limitToPartitionsWithLag", "partitionLimitation"),
    *("ensureEvenDistributionOfPartitions", "sasl", "tls", "unsafeSsl", "saslTokenProvider", "awsRegion"),
}
CREDENTIALS = {"sasl", "username", "password", "tls", "ca", "cert", "key", "keyPassword"}
SASL = {"SCRAM-SHA-512": "scram_sha512", "SCRAM-SHA-256": "scram_sha256", "PLAIN": "plaintext"}


def mistakes(scaled: Manifest) -> list[str]:
    """What KEDA would refuse or ignore."""
    spec = scaled["spec"]
    found = [f"no field {name}" for name in spec.keys() - SPEC]
    for trigger in spec["triggers"]:
        metadata = trigger["metadata"]
        found += [f"no field triggers.{name}" for name in trigger.keys() - TRIGGER]
        found += [f"{name} is missing" for name in KAFKA_NEEDS - metadata.keys()]
        found += [f"the trigger kafka has no {name}" for name in metadata.keys() - KAFKA]
        found += [f"{name} is not text" for name, value in metadata.items() if not isinstance(value, str)]
        if trigger["type"] != "kafka":
            found.append(f"{trigger['type']} is not looked at here")
    # beside it lies an autoscaler of Kubernetes' own, made of this
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": scaled["metadata"]["name"]},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", **spec["scaleTargetRef"]},
            "minReplicas": spec["minReplicaCount"],
            "maxReplicas": spec["maxReplicaCount"],
            **spec["advanced"]["horizontalPodAutoscalerConfig"],
        },
    }
    kubernetes_validate.validate(autoscaler, VERSION, strict=True)
    return found


def container(stage: str) -> Manifest:
    [found] = DEPLOYMENTS[stage]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def secrets_of(workload: Manifest) -> set[str]:
    pod = workload["spec"]["template"]["spec"]
    volumes = {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
    return volumes | {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for each in pod["containers"]
        for variable in each["env"]
        if "valueFrom" in variable
    }


@pytest.mark.long
@every(Rows(OWN))
def test_kubernetes_takes_it(name: str, manifest: Manifest) -> None:
    kubernetes_validate.validate(manifest, VERSION, strict=True)
    namespace = None if name == "namespace.yaml" else "alur"
    assert manifest["metadata"].get("namespace") == namespace


def test_a_mistake_would_be_noticed() -> None:
    wrong = yaml.safe_load(
        (FOLDER / "stages" / "sla.yaml").read_text().replace("readinessProbe", "readynessProbe").split("\n---\n")[0]
    )
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        kubernetes_validate.validate(wrong, VERSION, strict=True)
    scaled = yaml.safe_load((FOLDER / "autoscaling" / "sla.yaml").read_text().replace("consumerGroup", "group"))
    assert sorted(mistakes(scaled)) == ["consumerGroup is missing", "the trigger kafka has no group"]


def test_every_file_is_applied_by_kustomize_or_by_hand() -> None:
    taken = set()
    for name, [kustomization] in ((name, FILES[name]) for name in FILES if name.endswith("kustomization.yaml")):
        folder = Path(name).parent
        taken |= {(folder / each).as_posix() for each in kustomization["resources"]} | {name}
        for component in kustomization.get("components", ()):
            assert FILES[f"{component}/kustomization.yaml"][0]["kind"] == "Component"
    assert FILES.keys() - taken == {"namespace.yaml", "topics.yaml", "secrets.example.yaml"}
    assert taken <= FILES.keys()


class TestStages:
    def test_they_differ_in_what_they_are_called_and_in_what_they_need(self) -> None:
        def bare(stage: str) -> str:
            text = (FOLDER / "stages" / f"{stage}.yaml").read_text()
            text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
            text = re.sub(
                r"^ +(cpu|memory|replicas|sizeLimit):.*\n|^ +# no `replicas`.*\n", "", text, flags=re.MULTILINE
            )
            return text.replace(stage, "STAGE")

        assert {bare(stage) for stage in STAGES} == {bare("sla")}
        assert {name for name in FILES if name.startswith("stages/")} == {f"stages/{stage}.yaml" for stage in STAGES}

    @pytest.mark.parametrize("stage", STAGES)
    def test_it_runs_alone_as_a_user_of_its_own(self, stage: str) -> None:
        assert container(stage)["args"] == ["run", stage]
        assert secrets_of(DEPLOYMENTS[stage]) == {f"alur-kafka-{stage}", "alur-keys"}
        assert DEPLOYMENTS[stage]["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"] == stage

    def test_it_is_given_time_to_stop_and_to_be_found_stuck(self) -> None:
        pod = DEPLOYMENTS["sla"]["spec"]["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] > STOP_SECONDS
        live, ready = container("sla")["livenessProbe"], container("sla")["readinessProbe"]
        assert (live["httpGet"]["path"], ready["httpGet"]["path"]) == ("/health/live", "/health/ready")
        assert live["periodSeconds"] * live["failureThreshold"] < LIVE_SECONDS
        assert live["timeoutSeconds"] <= live["periodSeconds"]

    def test_only_resolution_keeps_much_on_the_disk(self) -> None:
        limits = {}
        for stage in STAGES:
            volumes = DEPLOYMENTS[stage]["spec"]["template"]["spec"]["volumes"]
            [limits[stage]] = [each["emptyDir"]["sizeLimit"] for each in volumes if "emptyDir" in each]
        assert limits.pop("resolution") == "8Gi", "a million stories of 4 kB, and their index"
        assert set(limits.values()) == {"64Mi"}

    def test_it_cannot_do_what_it_need_not(self) -> None:
        pod = DEPLOYMENTS["sla"]["spec"]["template"]["spec"]
        [user] = re.findall(r"--uid (\d+)", (ROOT / "Dockerfile").read_text())
        assert f"USER {user}" in (ROOT / "Dockerfile").read_text()
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == int(user)
        assert container("sla")["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        # Faust wants a place to write, though nothing of ours is kept there
        writable = {volume["name"] for volume in pod["volumes"] if "emptyDir" in volume}
        assert {mount["mountPath"] for mount in container("sla")["volumeMounts"] if mount["name"] in writable} == {
            "/tmp"  # noqa: S108 -- in the container
        }


def test_the_board_runs_with_a_right_of_its_own_and_no_keys() -> None:
    board, service = FILES["board.yaml"]
    pod = board["spec"]["template"]["spec"]
    [found] = pod["containers"]
    assert found["args"] == ["board", "--bind", "0.0.0.0", "--port", str(PORT)]  # noqa: S104 -- within its pod
    assert secrets_of(board) == {"alur-kafka-operations-board"}
    assert ROLES["operations-board"].writes == ()
    [port] = found["ports"]
    assert (port["name"], port["containerPort"]) == ("web", PORT)
    probes = [found[name]["httpGet"] for name in ("livenessProbe", "readinessProbe")]
    assert [probe["path"] for probe in probes] == ["/health/live", "/health/ready"]
    assert found["securityContext"] == container("sla")["securityContext"]
    labels = board["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == labels == board["spec"]["selector"]["matchLabels"]
    assert service["spec"]["ports"][0]["targetPort"] == port["name"]
    [policy] = FILES["network.yaml"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


class TestSettings:
    def test_the_stages_read_them(self, tmp_path: Path) -> None:
        (tmp_path / "password").write_text("geheim\n")
        here = {name: value.replace("/etc/alur/kafka", str(tmp_path)) for name, value in ENVIRONMENT.items()}
        # a certificate is looked at when it is read, and there is none here
        assert here.pop("ALUR_TLS_CA") == f"{tmp_path}/ca.crt"
        settings = Settings.from_environment({**here, "ALUR_SASL_USERNAME": "alur-sla"})
        assert settings.web == WebAddress("0.0.0.0", 6066)  # noqa: S104 -- within its pod
        assert (settings.partitions, settings.replication, settings.policy) == (12, 3, "lapor")
        assert settings.security.username == "alur-sla"

    def test_a_secret_has_what_they_look_for(self, tmp_path: Path) -> None:
        secret, keys = FILES["secrets.example.yaml"]
        files = {Path(value).name for value in ENVIRONMENT.values() if value.startswith("/etc/alur/kafka/")}
        assert set(secret["stringData"]) == {"username", *files}
        mounted = {each["name"]: each["mountPath"] for each in container("sla")["volumeMounts"]}
        assert mounted["kafka"] == "/etc/alur/kafka"
        [(name, content)] = keys["stringData"].items()
        assert ENVIRONMENT["ALUR_KEY_FILE"] == f"{mounted['keys']}/{name}"
        (tmp_path / name).write_text(content)
        assert Keys.from_file(tmp_path / name).ids == ("first",)

    def test_the_port_is_the_one_that_is_asked(self) -> None:
        [port] = container("sla")["ports"]
        assert ENVIRONMENT["ALUR_WEB"].endswith(f":{port['containerPort']}")
        [monitor] = FILES["monitoring/podmonitor.yaml"]
        [endpoint] = monitor["spec"]["podMetricsEndpoints"]
        assert (endpoint["port"], endpoint["path"]) == (port["name"], "/metrics")

    def test_only_prometheus_reaches_a_pod_and_only_its_web_port(self) -> None:
        [policy] = FILES["network.yaml"]
        labels = policy["spec"]["podSelector"]["matchLabels"].items()
        assert policy["spec"]["policyTypes"] == ["Ingress"]
        for stage in STAGES:
            assert labels <= DEPLOYMENTS[stage]["spec"]["template"]["metadata"]["labels"].items()
        [rule] = policy["spec"]["ingress"]
        [port] = container("sla")["ports"]
        assert rule["ports"] == [{"protocol": "TCP", "port": port["name"]}]
        assert rule["from"]

    def test_the_job_makes_the_topics_as_the_one_who_may(self) -> None:
        [job] = FILES["topics.yaml"]
        assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["topics", "create"]
        assert secrets_of(job) == {"alur-kafka-installers"}
        assert ROLES["installers"].makes

    def test_the_image_is_the_same_everywhere(self) -> None:
        [replaced] = FILES["kustomization.yaml"][0]["images"]
        [job] = FILES["topics.yaml"]
        image = f"{replaced['newName']}:{replaced['newTag']}"
        assert job["spec"]["template"]["spec"]["containers"][0]["image"] == image
        assert {container(stage)["image"] for stage in STAGES} == {replaced["name"]}


@pytest.mark.parametrize("scaled", SCALED, ids=lambda each: each["metadata"]["name"])
class TestAutoscaling:
    def test_keda_takes_it(self, scaled: Manifest) -> None:
        assert mistakes(scaled) == []

    def test_it_goes_by_the_lag_of_the_stage_as_far_as_there_are_partitions(self, scaled: Manifest) -> None:
        stage = scaled["metadata"]["name"]
        spec = scaled["spec"]
        assert spec["scaleTargetRef"] == {"name": stage}
        assert "replicas" not in DEPLOYMENTS[stage]["spec"]
        assert 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"] <= int(ENVIRONMENT["ALUR_PARTITIONS"])
        measured = {each["metadata"]["consumerGroup"]: each["metadata"]["topic"] for each in spec["triggers"]}
        assert stage in measured
        # reports that are held back wait for lifecycle
        assert measured.keys() - {stage} == ({"intake"} if stage == "lifecycle" else set())
        assert measured == {each: STAGES[each] for each in measured}

    def test_it_looks_as_the_operators_do(self, scaled: Manifest) -> None:
        [authentication] = FILES["autoscaling/authentication.yaml"]
        references = authentication["spec"]["secretTargetRef"]
        assert {each["parameter"] for each in references} <= CREDENTIALS
        assert {each["name"] for each in references} == {"alur-kafka-operators"}
        assert set(ROLES["operators"].follows) == set(STAGES)
        for trigger in scaled["spec"]["triggers"]:
            assert trigger["authenticationRef"] == {"name": authentication["metadata"]["name"]}
            assert trigger["metadata"]["bootstrapServers"] == ENVIRONMENT["ALUR_BROKER"]
            assert trigger["metadata"]["tls"] == "enable"
            assert trigger["metadata"]["sasl"] == SASL[ENVIRONMENT.get("ALUR_SASL_MECHANISM", "SCRAM-SHA-512")]


def test_every_stage_but_the_one_that_waits_on_purpose_is_scaled() -> None:
    assert {each["metadata"]["name"] for each in SCALED} == set(STAGES) - {"intake"}
    assert DEPLOYMENTS["intake"]["spec"]["replicas"] == 2
