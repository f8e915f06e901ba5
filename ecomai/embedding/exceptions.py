"""What keeps the lines from being written."""

from ecomai.exceptions import EcomaiError


class ProjectNotFoundError(EcomaiError):
    """Settings or addresses of the project cannot be found, or not be changed; the sentence says why."""

    code = "project_not_found"
    message = "This is no Django project that can be changed."
