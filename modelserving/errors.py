"""Every error that this package raises on purpose.

::

    ModelServingError
     ├── ConfigError             a setting that is missing, malformed or out of range
     ├── SetupError              something that set-up should have brought is not there (jars, Java)
     ├── KafkaError
     │    ├── BrokerStartError   the embedded broker cannot start: port, disk, memory, data folder
     │    ├── BrokerUnavailable  no broker answers at the address
     │    ├── RegistryUnavailable  no schema registry answers at the address
     │    └── WaitTimeout        what was waited for did not come in time; the broker may be well
     ├── RecordError
     │    ├── DecodeError        bytes that are no record, or no model descriptor
     │    ├── FieldError         a field that is missing, not finite, or not allowed (a data type, say)
     │    └── SchemaError        a schema that is none, or breaks those that read or wrote records before it
     │         └── UnknownSchema a number or a subject that the registry does not know
     ├── ModelError
     │    ├── ModelFormatError   the bytes are not a model of the format that they claim
     │    ├── ModelInputError    the model wants an input that the records do not have
     │    ├── ModelRefused       a model that could be built but must not be: hostile, or too large
     │    │    └── ModelUnreachable  its source does not answer now; it may the next time
     │    ├── ModelCheckError    the model answers its golden records wrongly, or not with a finite number
     │    ├── ScoringError       the engine failed on a batch
     │    └── CommandRefused     a command about models that cannot be followed
     ├── ServerError             a server cannot start or go on
     └── ActorError
          ├── MailboxFull        an actor has as many messages as it takes: send again later
          ├── ActorFailed        an actor failed on this message, and was started again
          ├── ActorStopped       an actor was stopped, or failed too often
          ├── AskTimeout         an actor did not answer in time
          └── StateError         an actor's state cannot be saved, or what was saved cannot be used

Each message says what is wrong, where, and what to do. An attendee sees the message alone, without a traceback.
"""


class ModelServingError(Exception):
    """Base of every error of this package."""


class ConfigError(ModelServingError):
    """A setting is missing, malformed or out of range."""


class SetupError(ModelServingError):
    """Something that set-up should have brought is not there."""


class KafkaError(ModelServingError):
    """The broker, or the way to it."""


class BrokerStartError(KafkaError):
    """The embedded broker cannot start."""


class BrokerUnavailable(KafkaError):
    """No broker answers at the address."""


class RegistryUnavailable(KafkaError):
    """No schema registry answers at the address."""


class WaitTimeout(KafkaError):
    """What was waited for did not come in time; the broker may be well."""


class RecordError(ModelServingError):
    """A record, or a message that should have been one."""


class DecodeError(RecordError):
    """Bytes that are no record, or no model descriptor."""


class FieldError(RecordError):
    """A field is missing, not finite, or not allowed."""


class SchemaError(RecordError):
    """A schema is none, or breaks those that read or wrote records before it."""


class UnknownSchema(SchemaError):
    """The registry does not know this number, or this subject."""


class ModelError(ModelServingError):
    """A model, from its bytes to its answers."""


class ModelFormatError(ModelError):
    """The bytes are not a model of the format that they claim."""


class ModelInputError(ModelError):
    """The model wants an input that the records do not have."""


class UnnamedColumns(ModelInputError):
    """The model takes a matrix, and does not say of which columns.

    Args:
        message: for people.
        width: how many columns there are.
    """

    def __init__(self, message: str, width: int = 0) -> None:
        super().__init__(message)
        self.width = width


class ModelRefused(ModelError):
    """The model could be built, but must not be."""


class ModelUnreachable(ModelRefused):
    """The source of a model by reference does not answer now; it may the next time."""


class ModelCheckError(ModelError):
    """The model answers its golden records wrongly, or not with a finite number."""


class ScoringError(ModelError):
    """The engine failed on a batch."""


class CommandRefused(ModelError):
    """A command about models cannot be followed."""


class ServerError(ModelServingError):
    """A server cannot start or go on."""


class ActorError(ModelServingError):
    """A message to an actor, and what became of it."""


class MailboxFull(ActorError):
    """The actor has as many messages as it takes."""


class ActorFailed(ActorError):
    """The actor failed on this message, and was started again."""


class ActorStopped(ActorError):
    """The actor was stopped, or failed too often."""


class AskTimeout(ActorError):
    """The actor did not answer in time."""


class StateError(ActorError):
    """An actor's state cannot be saved, or what was saved cannot be used."""


def first_error(error: BaseException) -> BaseException:
    """The first error in a group of groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
