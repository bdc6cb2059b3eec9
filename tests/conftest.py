"""What all tests share: properties are not failed for the load of the machine that they run on."""

from hypothesis import settings

settings.register_profile("overnight", deadline=None)
settings.load_profile("overnight")
