"""A provider that knows the documented arguments, accepts what fits them and remembers it; nothing is made anywhere.

With it the real Terraform can validate, plan and apply without an account and without downloading a provider: types,
conditions, validations, loops and outputs are then Terraform's judgement and not a copy of it.
"""

from __future__ import annotations

import json
from concurrent import futures
from typing import Any

import grpc
import msgpack
from tf.gen import grpc_controller_pb2 as controller
from tf.gen import grpc_controller_pb2_grpc as controller_rpc
from tf.gen import grpc_stdio_pb2_grpc as stdio_rpc
from tf.gen import tfplugin_pb2 as plugin
from tf.gen import tfplugin_pb2_grpc as rpc

from made_up import answered, made
from provider_schema import schema

Types = dict[str, Any]
State = dict[str, Any] | None
# How Terraform writes a value that only an apply will tell.
UNKNOWN = msgpack.ExtType(0, b"\x00")


def decode(value: plugin.DynamicValue) -> State:
    state: State = msgpack.unpackb(value.msgpack, strict_map_key=False)
    return state


def encode(state: State) -> plugin.DynamicValue:
    return plugin.DynamicValue(msgpack=msgpack.packb(state))


class StandInProvider(rpc.ProviderServicer):  # type: ignore[misc]
    def __init__(self, provider: str, types: Types) -> None:
        self.configuration = types[f"provider.{provider}"]
        data = f"data.{provider}_"
        self.data = {name.removeprefix("data."): known for name, known in types.items() if name.startswith(data)}
        self.resources = {name: known for name, known in types.items() if name.startswith(f"{provider}_")}
        self.region = ""

    def GetMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "the schema says it all")

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        return plugin.GetProviderSchema.Response(
            provider=schema(self.configuration),
            resource_schemas={name: schema(known) for name, known in self.resources.items()},
            data_source_schemas={name: schema(known, computed_arguments=True) for name, known in self.data.items()},
        )

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        return plugin.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        return plugin.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        return plugin.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        self.region = (decode(request.config) or {}).get("region") or ""
        return plugin.ConfigureProvider.Response()

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        return plugin.UpgradeResourceState.Response(upgraded_state=encode(json.loads(request.raw_state.json)))

    def ReadResource(self, request: Any, context: Any) -> Any:
        return plugin.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        state = decode(request.proposed_new_state)
        if state is not None:
            computed = self.resources[request.type_name]["attributes"]
            state = {name: UNKNOWN if name in computed and value is None else value for name, value in state.items()}
        return plugin.PlanResourceChange.Response(planned_state=encode(state))

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        state = decode(request.planned_state)
        if state is not None:
            types = self.resources[request.type_name]["attributes"]
            state = {
                name: made(request.type_name, name, types[name], state) if value == UNKNOWN else value
                for name, value in state.items()
            }
        return plugin.ApplyResourceChange.Response(new_state=encode(state))

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        return plugin.ReadDataSource.Response(
            state=encode(answered(request.type_name, decode(request.config) or {}, self.region))
        )

    def StopProvider(self, request: Any, context: Any) -> Any:
        return plugin.StopProvider.Response()


class Controller(controller_rpc.GRPCControllerServicer):  # type: ignore[misc]
    """Terraform says good-bye after each command; the provider stays for the next."""

    def Shutdown(self, request: Any, context: Any) -> Any:
        return controller.Empty()


class Stdio(stdio_rpc.GRPCStdioServicer):  # type: ignore[misc]
    def StreamStdio(self, request: Any, context: Any) -> Any:
        return iter([])


def serve(provider: str, types: Types, socket: str) -> grpc.Server:
    """Starts the provider; it ends with the process or with `stop`."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    rpc.add_ProviderServicer_to_server(StandInProvider(provider, types), server)
    controller_rpc.add_GRPCControllerServicer_to_server(Controller(), server)
    stdio_rpc.add_GRPCStdioServicer_to_server(Stdio(), server)
    server.add_insecure_port(f"unix://{socket}")
    server.start()
    return server
