"""Pulumi's provider protocol, for Kubernetes objects.

Lives here: Servicer, one method for each call of the engine.
Not here: the process (__main__), the wire format (wire), the API server (cluster), what differs (compare).
Law: a preview changes nothing; an update without `patchForce` never takes a field from another manager.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer

from tests.cluster.provider import compare, objects, wire

if TYPE_CHECKING:
    from tests.cluster.provider.cluster import Cluster

Plain = dict[str, Any]
DEADLINE = 600.0
CHANGED = {"add": 0, "delete": 2, "update": 4}  # PropertyDiff.Kind; the one after each is its …_REPLACE


def answered(method: Callable[..., Any]) -> Callable[..., Any]:
    """A refusal becomes the call's error, in the API server's words."""

    @functools.wraps(method)
    def call(self: Servicer, request: Any, context: grpc.ServicerContext) -> Any:
        from tests.cluster.provider.cluster import Refused
        from tests.cluster.provider.kubeconfig import NoKubeconfig

        try:
            return method(self, request)
        except Refused as refused:
            return context.abort(grpc.StatusCode.UNKNOWN, refused.message)
        except NoKubeconfig as none:
            told = (
                f"configured Kubernetes cluster is unreachable: unable to load Kubernetes client configuration: {none}"
            )
            return context.abort(grpc.StatusCode.UNKNOWN, told)

    return call


class Servicer(ResourceProviderServicer):
    def __init__(self, version: str, log: Callable[[str, str], None]) -> None:
        """`log` takes an object's URN and a warning to show beside it."""
        self.version, self.log, self.settings = version, log, dict[str, Any]()
        self._cancelled, self._lock = threading.Event(), threading.Lock()
        self._made: tuple[Cluster, str] | None = None

    # The plug-in and its configuration

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self.version)

    def GetSchema(self, request: Any, context: Any) -> Any:
        return pb.GetSchemaResponse(schema='{"name": "kubernetes"}')

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return pb.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        """Another kubeconfig is an update: the clusters' objects stay where they are."""
        old, new = (wire.read(side)[0] for side in (request.old_inputs or request.olds, request.news))
        found = compare.differences(_told(old), _told(new))
        return pb.DiffResponse(changes=2 if found else 1, diffs=sorted({str(one.path[0]) for one in found}))

    def Configure(self, request: Any, context: Any) -> Any:
        self.settings = _told(wire.read(request.args)[0])
        return pb.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Cancel(self, request: Any, context: Any) -> Any:
        self._cancelled.set()
        return Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        return context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the tests' provider does not serve {request.tok}")

    # Objects

    @answered
    def Check(self, request: Any) -> Any:
        new, secrets = wire.read(request.news)
        old, _ = wire.read(request.olds)
        if not objects.is_patch(request.urn):
            new = objects.named(new, old, request.urn.rsplit("::", 1)[-1], request.randomSeed)
        if self._is_namespaced(new):
            new = objects.placed(new, self.settings.get("namespace") or self._cluster()[1])
        return pb.CheckResponse(inputs=wire.write(new, secrets))

    @answered
    def Diff(self, request: Any) -> Any:
        old, new = wire.read(request.old_inputs)[0], wire.read(request.news)[0]
        found = compare.differences(old, new)
        verdict = "some"
        if found and not wire.has_unknown(new):
            verdict, live, made = self._effect(request.urn, new)
            found = [one for one in found if compare.in_effect(one.path, live, made)] or found
        if not found or verdict == "none":
            return pb.DiffResponse(changes=1)
        replacing = {one.path for one in found if compare.replaces(old, one, self._mutable)}
        if verdict == "replace" and not replacing:
            replacing = {one.path for one in found if one.path[0] != "metadata"} or {one.path for one in found}
        return _differs(old, new, found, replacing)

    @answered
    def Create(self, request: Any) -> Any:
        new, secrets = wire.read(request.properties)
        marks = objects.secret_paths(new, secrets)
        if request.preview:
            return pb.CreateResponse(id="", properties=wire.write(self._foresee_create(request.urn, new), marks))
        if not objects.is_patch(request.urn) and not self._is_set("upsertExistingObjects"):
            self._refuse_existing(new)
        made = self._apply(request.urn, new, patient=10)
        return pb.CreateResponse(id=objects.id_of(made), properties=wire.write(objects.outputs_of(made), marks))

    @answered
    def Update(self, request: Any) -> Any:
        new, secrets = wire.read(request.news)
        marks = objects.secret_paths(new, secrets)
        if request.preview:
            return pb.UpdateResponse(properties=wire.write(self._foresee_update(request.urn, new), marks))
        made = self._apply(request.urn, new)
        return pb.UpdateResponse(properties=wire.write(objects.outputs_of(made), marks))

    @answered
    def Read(self, request: Any) -> Any:
        """What is there. An object that no program has described (import) is described by what is not the server's."""
        cluster, default = self._cluster()
        version, kind, _ = objects.gvk_of(objects.type_of(request.urn))
        namespace, _, name = request.id.rpartition("/")
        said, secrets = wire.read(request.inputs)
        version = said.get("apiVersion", version)
        if not namespace and cluster.is_namespaced({"apiVersion": version, "kind": kind}):
            namespace = default
        live = cluster.get(version, kind, namespace, name)
        if live is None:
            return pb.ReadResponse()
        inputs = self._reread(request.urn, said, live) if said.get("metadata") else objects.inputs_from(live)
        marks = objects.secret_paths(live, secrets)
        return pb.ReadResponse(
            id=objects.id_of(live), inputs=wire.write(inputs, marks),
            properties=wire.write(objects.outputs_of(live), marks),
        )  # fmt: skip

    @answered
    def Delete(self, request: Any) -> Any:
        """Until it is gone, where it is awaited; of a patch only what the patch set is given back."""
        cluster, _ = self._cluster()
        old = wire.read(request.old_inputs)[0] or wire.read(request.properties)[0]
        version, kind, patch = objects.gvk_of(objects.type_of(request.urn))
        version = old.get("apiVersion", version)
        namespace, _, name = request.id.rpartition("/")
        live = cluster.get(version, kind, namespace, name)
        if live is None:
            return Empty()
        if patch:
            metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
            bare = {"apiVersion": version, "kind": kind, "metadata": metadata}
            cluster.apply(bare, objects.manager_of(request.urn, old), force=False)
            return Empty()
        policy = {"orphan": "Orphan", "background": "Background"}.get(
            objects.annotation(old, "deletionPropagationPolicy").lower(), "Foreground"
        )
        cluster.delete(version, kind, namespace, name, policy)
        if not (objects.is_marked(old, "skipAwait") and kind in objects.SKIPPED_DELETES):
            told = request.timeout or float(objects.annotation(old, "timeoutSeconds") or DEADLINE)
            cluster.wait_gone(live, told, self._cancelled)
        return Empty()

    # What they share

    def _cluster(self) -> tuple[Cluster, str]:
        """The door, and the namespace of the kubeconfig's context."""
        from tests.cluster.provider.cluster import Cluster
        from tests.cluster.provider.kubeconfig import read_access

        with self._lock:
            if self._made is None:
                said = [self.settings.get(name) for name in ("kubeconfig", "context", "cluster")]
                access = read_access(*said)
                self._made = Cluster(access), access.namespace
            return self._made

    def _is_set(self, name: str) -> bool:
        """A switch of the provider's settings, or else of the environment."""
        words = {
            "enablePatchForce": "ENABLE_PATCH_FORCE",
            "upsertExistingObjects": "UPSERT_EXISTING_OBJECTS",
            "enableConfigMapMutable": "ENABLE_CONFIGMAP_MUTABLE",
            "enableSecretMutable": "ENABLE_SECRET_MUTABLE",
        }
        value = self.settings.get(name, os.environ.get(f"PULUMI_K8S_{words[name]}", ""))
        return str(value).lower() in ("true", "1")

    @property
    def _mutable(self) -> frozenset[str]:
        switches = {"ConfigMap": "enableConfigMapMutable", "Secret": "enableSecretMutable"}
        return frozenset(kind for kind, switch in switches.items() if self._is_set(switch))

    def _forces(self, plain: Plain) -> bool:
        said = objects.annotation(plain, "patchForce")
        return said.lower() == "true" if said else self._is_set("enablePatchForce")

    def _apply(self, urn: str, plain: Plain, *, dry: bool = False, patient: float = 0) -> Plain:
        """As the settings and the annotations say; what the server has against it is shown beside the object."""
        return self._cluster()[0].apply(
            plain, objects.manager_of(urn, plain), force=self._forces(plain), dry=dry, patient=patient,
            warn=lambda text: self.log(urn, text),
        )  # fmt: skip

    def _is_namespaced(self, plain: Plain) -> bool:
        """A kind that is not known yet (its definition is in the same program) counts as it was written."""
        from tests.cluster.provider.cluster import NoKind

        try:
            return self._cluster()[0].is_namespaced(plain)
        except NoKind:
            return False

    def _refuse_existing(self, plain: Plain) -> None:
        from tests.cluster.provider.cluster import NoKind, Refused, id_text

        try:
            live = self._cluster()[0].live(plain)
        except NoKind:
            return
        if live is None:
            return
        if live["metadata"].get("deletionTimestamp"):
            raise Refused(409, f"{id_text(live)} is still being deleted")
        raise Refused(
            409, f"resource {objects.id_of(live)} was not successfully created: {id_text(live)} already exists. Import it, "
            "or set PULUMI_K8S_UPSERT_EXISTING_OBJECTS to take it over",
        )  # fmt: skip

    def _foresee_create(self, urn: str, new: Plain) -> Plain:
        """As the server would have it. Where it cannot say (its namespace or kind is not there, the object that this
        one replaces still is), as the program said it."""
        from tests.cluster.provider.cluster import Refused

        if wire.has_unknown(new):
            return objects.foreseen(new)
        try:
            return objects.foreseen(self._apply(urn, new, dry=True))
        except Refused as refused:
            stays = refused.is_immutable or refused.status == 409
            if refused.status == 404 or (stays and self._cluster()[0].live(new)):
                return objects.foreseen(new)
            raise

    def _foresee_update(self, urn: str, new: Plain) -> Plain:
        from tests.cluster.provider.cluster import Refused

        if wire.has_unknown(new):
            return objects.foreseen(new)
        try:
            return objects.foreseen(self._apply(urn, new, dry=True), allocated=False)
        except Refused as refused:
            if refused.status == 404:
                return objects.foreseen(new)
            raise

    def _effect(self, urn: str, new: Plain) -> tuple[str, Plain, Plain]:
        """What an apply would do to what is live: `none`, `some` or `replace` (the server calls a field immutable);
        and what is live before it and after it."""
        from tests.cluster.provider.cluster import Refused

        cluster, _ = self._cluster()
        try:
            live = cluster.live(new)
            made = cluster.apply(new, objects.manager_of(urn, new), force=True, dry=True)
        except Refused as refused:
            if refused.status == 0:
                raise
            is_claim = (
                new["kind"] == "PersistentVolumeClaim"
            )  # never replaced for what the server refuses: it holds data
            return "replace" if refused.is_immutable and not is_claim else "some", {}, {}
        return "none" if live is not None and compare.same(live, made) else "some", live or {}, made

    def _reread(self, urn: str, said: Plain, live: Plain) -> Plain:
        """The inputs as the world shows them: told apart by what a forced apply of the old ones would make of it."""
        from tests.cluster.provider.cluster import Refused

        try:
            applied = self._cluster()[0].apply(said, objects.manager_of(urn, said), force=True, dry=True)
        except Refused as refused:
            if refused.status == 0:
                raise
            applied = said
        found: Plain = compare.drifted(said, applied, live)
        return found


def _told(settings: Plain) -> Plain:
    return {key: value for key, value in settings.items() if key != "version" and not key.startswith("__")}


def _differs(old: Plain, new: Plain, found: list[compare.Difference], replacing: set[wire.Path]) -> Any:
    detailed = {
        wire.path_text(one.path): pb.PropertyDiff(kind=CHANGED[one.kind] + (one.path in replacing), inputDiff=True)
        for one in found
    }
    stays = objects.id_of(old) == objects.id_of(new) and not objects.is_marked(new, "autonamed")
    return pb.DiffResponse(
        changes=2, diffs=sorted({str(one.path[0]) for one in found}), replaces=sorted({str(p[0]) for p in replacing}),
        deleteBeforeReplace=bool(replacing) and stays, detailedDiff=detailed, hasDetailedDiff=True,
    )  # fmt: skip
