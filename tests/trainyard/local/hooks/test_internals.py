"""The emulator's internals that the hooks lean on: an upgrade that moves one fails here, and says which."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Functions that hooks replace or call, with the parameters they count on.
FUNCTIONS = {
    "ministack.app:_build_persistence_save_dict": [],
    "ministack.app:_extract_s3_vhost_bucket": ["host"],
    "ministack.app:load_state": ["service"],
    "ministack.app:save_all": ["services"],
    "ministack.app:pin_request_origin": ["source_ip", "secure_transport"],
    "ministack.core.concurrency:run_reentrant": ["fn", "args", "thread_name"],
    "ministack.core.iam_actions:access_denied_response": [
        "service", "action", "principal_arn", "request_id", "error_code", "message", "headers", "resource_arn",
        "explicit_deny", "resource_policy_arn",
    ],
    "ministack.core.iam_actions:extract_iam_action": ["service", "method", "path", "headers", "body", "query_params"],
    "ministack.core.iam_actions:extract_resource_arn": [
        "service", "method", "path", "headers", "body", "query_params", "region", "account_id",
    ],
    "ministack.core.iam_actions:identity_denial_message": ["action", "principal_arn", "resource", "explicit_deny"],
    "ministack.core.iam_actions:request_tag_context": ["service", "iam_action", "body", "params"],
    "ministack.core.iam_evaluator:_resource_policy": ["service", "resource_arn"],
    "ministack.core.iam_evaluator:caller_arn": [],
    "ministack.core.iam_evaluator:enforce": [
        "access_key_id", "iam_action", "service", "region", "resource_arn", "service_context",
    ],
    "ministack.core.iam_evaluator:evaluate_resource_policy": ["doc", "ctx", "service", "named_only", "direct_only"],
    "ministack.core.iam_evaluator:evaluate_trust_policy": ["trust_doc", "caller_arn", "ctx"],
    "ministack.core.iam_evaluator:is_root_access_key": ["access_key_id"],
    "ministack.core.iam_evaluator:resolve_principal": ["access_key_id", "account_id", "credential"],
    "ministack.core.persistence:_json_default": ["obj"],
    "ministack.core.persistence:_json_object_hook": ["obj"],
    "ministack.core.persistence:_state_format_version": ["service"],
    "ministack.core.responses:get_account_id": [],
    "ministack.core.responses:get_region": [],
    "ministack.core.router:_is_aws_service_name": ["scope_name"],
    "ministack.core.router:detect_service": ["method", "path", "headers", "query_params"],
    "ministack.core.router:extract_access_key_id": ["headers", "query_params"],
    "ministack.services.cognito:_decode_id_token_unverified": ["id_token"],
    "ministack.services.ec2:_az_id_for_zone_name": ["zone_name"],
    "ministack.services.ec2:_matches_vpc_filters": ["vpc", "filters"],
    "ministack.services.ec2:_rtb_fields_xml": ["rtb", "tag"],
    "ministack.services.sts:_web_identity_principal": ["token", "provider_id", "role_arn"],
    "ministack.services.cloudwatch:_get_metric_data": ["params", "cbor_data", "is_cbor", "is_json"],
    "ministack.services.cloudwatch:_parse_ts": ["value"],
    "ministack.services.cloudwatch:_ts_iso": ["epoch"],
    "ministack.services.cloudwatch:_cbor_metric_data_result": ["result"],
    "ministack.services.cloudwatch:_validate_alarm_tag_arn": ["arn", "is_json", "is_cbor"],
    "ministack.services.cloudwatch_logs:_resolve_query_log_groups": ["data"],
    "ministack.services.cloudwatch_logs:_collect_query_records": ["group_names", "start_time_s", "end_time_s"],
    "ministack.services.cloudwatch_logs:_public_log_record": ["record"],
    "ministack.services.cloudwatch_logs:handle_request": ["method", "path", "headers", "body", "query_params"],
    "ministack.services.cloudwatch:_json_ok": ["data"],
    "ministack.services.cloudwatch:_cbor_ok": ["data"],
    "ministack.services.cloudwatch:_error": ["code", "message", "status", "use_json", "use_cbor"],
    "ministack.services.cloudwatch:_is_percentile_stat": ["stat_name"],
    "ministack.services.cloudwatch:_point_stats": ["pt"],
    "ministack.services.cloudwatch:_put_metric_alarm": ["params", "cbor_data", "is_cbor", "is_json"],
    "ministack.services.cloudwatch:_calc_stats": ["points"],
    "ministack.services.cloudwatch:_dims_from_list": ["dimensions"],
    "ministack.services.cloudwatch:_dims_key": ["dims"],
    "ministack.services.cloudwatch:_dispatch_alarm_actions": ["alarm", "old_state", "new_state", "reason"],
    "ministack.services.cloudwatch:_evaluate_alarm": ["alarm"],
    "ministack.services.cloudwatch:_evaluate_all_alarms": [],
    "ministack.services.cloudwatch:_evaluate_parent_alarms": ["child", "seen"],
    "ministack.services.cloudwatch:_evict_old_metrics": [],
    "ministack.services.cloudwatch:_record_history": [
        "alarm_name", "old_state", "new_state", "reason", "alarm_type", "reason_data",
    ],
    "ministack.services.cloudwatch:_store_datum": [
        "namespace", "name", "dims", "ts", "unit", "value", "values", "counts", "stat_values",
    ],
    "ministack.services.cloudwatch:_stat_value": ["stats", "stat_name", "points"],
    "ministack.services.cloudwatch_logs:_create_log_stream": ["data"],
    "ministack.services.cloudwatch_logs:_fanout_to_subscription_filters": ["group_name", "stream_name", "events"],
    "ministack.services.cloudwatch_logs:_filter_log_events": ["data"],
    "ministack.services.cloudwatch_logs:_put_log_events": ["data"],
    "ministack.services.cloudwatch_logs:_resolve_log_group_name": ["data"],
    "ministack.core.responses:error_response_json": [
        "code", "message", "status", "extra", "message_key", "content_type",
    ],
    "ministack.core.responses:request_scope": ["account_id", "region"],
    "ministack.services.ecr:_batch_delete_image": ["data"],
    "ministack.services.ecr:_batch_get_image": ["data"],
    "ministack.services.ecr:_create_repository": ["data"],
    "ministack.services.ecr:_describe_images": ["data"],
    "ministack.services.ecr:_describe_repositories": ["data"],
    "ministack.services.ecr:_find_image": ["repo_name", "image_id"],
    "ministack.services.ecr:_list_images": ["data"],
    "ministack.services.ecr:_put_image": ["data"],
    "ministack.services.eventbridge:_invoke_target": ["target", "event", "rule", "view"],
    "ministack.services.eventbridge:_matches_pattern_view": ["pattern_str", "view", "owner"],
    "ministack.services.eventbridge:_pattern_event_view": ["event"],
    "ministack.services.eventbridge:_put_events": ["data", "allow_aws_source"],
    "ministack.services.iam:_gen_secret": [],
    "ministack.services.iam:_gen_session_access_key": [],
    "ministack.services.iam:_gen_session_token": [],
    "ministack.services.kms:_cancel_key_deletion": ["data"],
    "ministack.services.kms:_disable_key": ["data"],
    "ministack.services.kms:_enable_key": ["data"],
    "ministack.services.kms:_resolve_key": ["key_id_or_arn"],
    "ministack.services.kms:_schedule_key_deletion": ["data"],
    "ministack.services.rds:_apply_parameter_group_changes": ["group_name", "changes", "refuse_static"],
    "ministack.services.rds:_error": ["code", "message", "status"],
    "ministack.services.rds:_finish_instance_reboot": ["instance", "cluster"],
    "ministack.services.rds:_get_docker": [],
    "ministack.services.rds:_p": ["params", "key", "default"],
    "ministack.services.rds:_parse_member_list": ["params", "prefix"],
    "ministack.services.rds:_record_reboot_event": ["instance"],
    "ministack.services.rds:_resolve_instance": ["db_id"],
    "ministack.services.rds:_rotate_instance_password": ["instance", "old_pass", "new_pass"],
    "ministack.services.rds:_single_instance_response": ["root_tag", "result_tag", "instance"],
    "ministack.services.secretsmanager:_resolve": ["secret_id", "use_arn_scope"],
    "ministack.services.secretsmanager:handle_request": ["method", "path", "headers", "body", "query_params"],
    "ministack.services.s3:_complete_multipart_upload": ["bucket_name", "key", "body", "query_params", "headers"],
    "ministack.services.s3:_composite_checksum": ["algorithm", "part_checksums"],
    "ministack.services.s3:_compute_s3_checksum": ["algorithm", "body"],
    "ministack.services.s3:_crc32c": ["body"],
    "ministack.services.s3:_crc64nvme": ["body"],
    "ministack.services.s3:_create_multipart_upload": ["bucket_name", "key", "headers"],
    "ministack.services.s3:_delete_bucket": ["name"],
    "ministack.services.s3:_dispatch": ["method", "bucket", "key", "headers", "body", "query_params"],
    "ministack.services.s3:_error": None,
    "ministack.services.s3:_get_object": ["bucket_name", "key", "headers", "query_params"],
    "ministack.services.s3:_object_disk_path": ["bucket", "key", "account_id"],
    "ministack.services.s3:_object_response_headers": ["obj", "bucket_name", "key", "include_checksums"],
    "ministack.services.s3:_put_object": ["bucket_name", "key", "body", "headers"],
    "ministack.services.s3:_qp": ["params", "key", "default"],
    "ministack.services.s3:_read_body": ["bucket_name", "key", "obj"],
    "ministack.services.s3:_request_access_key": None,
    "ministack.services.s3:_resolve_object_checksums": ["body", "headers"],
    "ministack.services.s3:_resolve_part_checksums": ["body", "headers", "upload"],
    "ministack.services.s3:_resolve_sse_write_headers": ["headers", "bucket_name"],
    "ministack.services.sns:publish_internal": [
        "topic_arn", "message", "subject", "message_structure", "message_attributes", "message_group_id",
        "message_deduplication_id",
    ],
    "ministack.services.sns:topic_policy_allows": ["topic_arn", "service", "source_arn", "source_account"],
    "ministack.services.stepfunctions:_ExecutionError": ["error", "cause"],
    "ministack.services.stepfunctions:_execute_task": ["state_def", "raw_input", "execution", "ctx"],
    "ministack.services.stepfunctions:_invoke_aws_sdk_integration": ["resource", "input_data"],
    "ministack.services.sts:register_session": ["access_key", "session"],
}  # fmt: skip
# Tables and settings.
VALUES = {
    "ministack.app:AUTH": "bool",
    "ministack.app:SERVICE_HANDLERS": "dict",
    "ministack.app:SERVICE_REGISTRY": "dict",
    "ministack.app:_loaded_modules": "dict",
    "ministack.core.iam_actions:SERVICE_TO_IAM_NAMESPACE": "dict",
    "ministack.core.iam_evaluator:_ALWAYS_ALLOWED_ACTIONS": "frozenset",
    "ministack.core.router:SERVICE_PATTERNS": "dict",
    "ministack.services.cloudformation:_stacks": "AccountRegionScopedDict",
    "ministack.services.cloudwatch:_alarms": "AccountRegionScopedDict",
    "ministack.services.cloudwatch:_composite_alarms": "AccountRegionScopedDict",
    "ministack.services.cloudwatch:_dashboards": "AccountRegionScopedDict",
    "ministack.services.cloudwatch:_metrics": "AccountRegionScopedDict",
    "ministack.services.cloudwatch_logs:_log_groups": "AccountRegionScopedDict",
    "ministack.services.cloudwatch_logs:_queries": "AccountRegionScopedDict",
    "ministack.services.cloudwatch_logs:_resource_policies": "AccountRegionScopedDict",
    "ministack.services.eventbridge:_rules": "AccountRegionScopedDict",
    "ministack.services.ec2:_route_tables": "AccountRegionScopedDict",
    "ministack.services.ec2:_security_groups": "AccountRegionScopedDict",
    "ministack.services.ec2:_subnets": "AccountRegionScopedDict",
    "ministack.services.ec2:_vpcs": "AccountRegionScopedDict",
    "ministack.services.iam:_oidc_providers": "AccountScopedDict",
    "ministack.services.iam:_roles": "AccountScopedDict",
    "ministack.services.s3:S3_PERSIST": "bool",
    "ministack.services.ecr:_repositories": "AccountRegionScopedDict",
    "ministack.services.kms:_keys": "AccountRegionScopedDict",
    "ministack.services.rds:_ACTION_MAP": "dict",
    "ministack.services.rds:_events": "AccountRegionScopedDict",
    "ministack.services.rds:_instances": "AccountRegionScopedDict",
    "ministack.services.rds:_param_groups": "AccountRegionScopedDict",
    "ministack.services.rds:_subnet_groups": "AccountRegionScopedDict",
    "ministack.services.s3:_buckets": "AccountScopedDict",
    "ministack.services.s3:_multipart_uploads": "AccountScopedDict",
    "ministack.services.sns:_topics": "AccountRegionScopedDict",
    "ministack.services.stepfunctions:_state_machines": "AccountRegionScopedDict",
}
# Classes and the application itself: every other test uses them.
EXERCISED = {
    "ministack.app:app",
    "ministack.core.iam_evaluator:EvalContext",
    "ministack.core.iam_evaluator:EvalResult",
    "ministack.services.s3:url_unquote",
}
INSPECT = """
import importlib, inspect
def found(name):
    module, _, attribute = name.partition(":")
    value = getattr(importlib.import_module(module), attribute, None)
    return list(inspect.signature(value).parameters) if callable(value) else type(value).__name__
print(json.dumps({name: found(name) for name in NAMES}))
"""


@pytest.fixture
def internals(beside_the_emulator: Callable[[str], Any]) -> dict[str, Any]:
    found = beside_the_emulator(f"NAMES = {[*FUNCTIONS, *VALUES]!r}\n{INSPECT}")
    assert isinstance(found, dict)
    return found


def test_what_the_hooks_lean_on_is_where_it_was(internals: dict[str, Any]) -> None:
    moved = {}
    for name, expected in (FUNCTIONS | VALUES).items():
        found = internals[name]
        if found != expected and not (expected is None and isinstance(found, list)):
            moved[name] = found
    assert not moved


def test_every_internal_that_a_hook_names_is_watched_here() -> None:
    hooks = Path(__file__).resolve().parents[4] / "trainyard" / "local" / "hooks"
    named = set()
    for path in hooks.rglob("*.py"):
        source = path.read_text()
        for module in sorted({name.partition(":")[0] for name in FUNCTIONS | VALUES}):
            package, _, local = module.rpartition(".")
            if re.search(rf"^from {package} import (?:.*\b)?{local}\b", source, re.MULTILINE):
                named |= {f"{module}:{name}" for name in re.findall(rf"(?<![\w./]){local}\.(\w+)", source)}
    assert named - EXERCISED <= set(FUNCTIONS) | set(VALUES)
