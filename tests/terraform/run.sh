#!/usr/bin/env bash
# Terraform of deploy/terraform: arguments against what the providers document, references, and the rules that the audit
# trail rests on. Nothing is downloaded from a provider's registry and no account is needed.
#
# Where Terraform 1.9 or newer is installed it formats, validates, plans and applies as well, with stand-ins for the
# providers (stand_in_provider.py). Without it those checks are left out, and this says so.
#
# usage: tests/terraform/run.sh
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here="$root/tests/terraform"
export PYTHONDONTWRITEBYTECODE=1

requirements=requirements.txt
options=()
version=$(terraform version 2>/dev/null | sed -n 's/^Terraform v\([0-9]*\)\.\([0-9]*\).*/\1 \2/p' || true)
if [ -z "$version" ]; then
  echo "LEFT OUT: terraform is not installed, so formatting, validate, plan and apply are not checked"
elif read -r major minor <<<"$version" && [ "$major" -eq 1 ] && [ "$minor" -lt 9 ]; then
  echo "LEFT OUT: terraform is older than 1.9, so formatting, validate, plan and apply are not checked"
else
  requirements=requirements-plan.txt
  options=(--terraform)
fi
venv=$("$root/tools/venv.sh" terraform "$here/$requirements")
exec "$venv/bin/python" "$here/check.py" "$root" "${options[@]}"
