terraform {
  # 1.9 is the first whose variable validations may look at other variables.
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # 6.0 brought the attribute `region` of the data source of that name.
      version = "~> 6.0"
    }
  }
}
