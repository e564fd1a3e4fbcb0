"""The base of requests: what is asked of a job has been checked, whoever asks."""

from dataclasses import dataclass
from os import PathLike

from eideploy.errors import UsageError
from eideploy.options.fields import fields_of


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of a job, or a part of it: every field is an option."""

    def __post_init__(self) -> None:
        """Freeze values, each of several once unless it repeats, and refuse what no option takes.

        A text where there may be several values is read as on the command line.

        Raises:
            UsageError: naming the option.
        """
        for field in fields_of(type(self)):
            value = getattr(self, field.name)
            if field.many and not field.pairs:
                if isinstance(value, str | PathLike):
                    value = field.parts(str(value))
                once = value if field.option.repeats else dict.fromkeys(value)
                object.__setattr__(self, field.name, value := tuple(once))
            if field.is_group or field.pairs or value is None or field.is_default(value):
                continue
            for one in value if field.many else (value,):
                if fault := field.fault(one):
                    fix = f"choose one of {fault.removeprefix('none of ')}"
                    raise UsageError(
                        f"{field.spelled} is {one!r}, which is {fault}",
                        where=field.spelled,
                        fix=fix if fault.startswith("none of ") else f"give a{fault[2:]}",
                    )
