"""The jobs of the command line as functions: each takes the options of its command."""

from eideploy.flow import doctor, targets, verify
from eideploy.flow.requests.doctor import Doctor
from eideploy.flow.requests.targets import CheckTarget, ListTargets
from eideploy.flow.requests.verify import Verify
from eideploy.options.function import by_fields

verify_build = by_fields(Verify, verify.verify, name="verify_build")
list_targets = by_fields(ListTargets, targets.show, name="list_targets")
check_target = by_fields(CheckTarget, targets.check, name="check_target")
check_installation = by_fields(Doctor, doctor.doctor, name="check_installation")
